"""The self-test of the gate: what is known to be bad is stopped, what is known to be good passes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from flows.selftest.answers import inventing, remembering
from flows.selftest.candidates import CANDIDATES
from flows.selftest.edit import MARK, Edit, EditingParser
from flows.selftest.embedders import RotatedQueries
from flows.selftest.stores import ShuffledCache
from rag.answering.answer import Answer, Sentence, refusal
from rag.answering.port import Usage
from rag.embedding import VectorCache
from rag.errors import EvaluationError, LockgateError, ModelError, UsageError
from rag.parsing import Parser
from rag.retrieval import Hit
from rag.settings import load_settings
from tests.flows.commands import Ended, lockgate
from tests.flows.prefect_runs import artifacts, client
from tests.flows.projects import TinyProject
from tests.flows.selftest_project import BOARD, MACHINES, PEOPLE, works_project, write_questions
from tests.rag.answering.making import hit
from tests.support.embedder import WordEmbedder

BAD = {
    "empty": "not empty",
    "half gone": "regression nDCG@10",
    "vectors shuffled": "vectors",
    "access stripped": "leaks",
    "deletes not applied": "deletes applied",
    "stale": "freshness",
    "wrong embedder": "leg nDCG@10 dense",
    "invented numbers": "regression Faithfulness",
}
"""With a check that each is there for."""
GOOD = {"identical", "chunked the same", "one word edited"}


@pytest.fixture(scope="module")
def works(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A project that was run once, so that its version 1 is promoted."""
    project = works_project(tmp_path_factory.mktemp("works") / "works")
    ended = lockgate("run", "--json", project=project)
    assert ended.code == 0, ended.err
    assert ended.json["evaluate"]["leaks"] == []
    return project


@pytest.fixture(scope="module")
def state_before(works: TinyProject) -> dict[str, str]:
    return state_of(works)


@pytest.fixture(scope="module")
def left_before() -> set[str]:
    return left_over()


@pytest.fixture(scope="module")
def ended(works: TinyProject, state_before: dict[str, str], left_before: set[str]) -> Ended:
    """The self-test of that project, whole."""
    return lockgate("gate", "selftest", "--json", project=works)


@pytest.fixture
def copied(works: TinyProject, ended: Ended, tmp_path: Path) -> TinyProject:
    """A copy of the project, to be changed; its caches hold what was embedded."""
    return works.copied_to(tmp_path / "works")


def state_of(project: TinyProject) -> dict[str, str]:
    """A digest of the rows of every table of the catalog, of the caches' and of every file of the index."""
    found = {
        f"{database}: {table}": hashlib.sha256(
            repr(sorted(map(repr, project.rows(f'SELECT * FROM "{table}"', database)))).encode()
        ).hexdigest()
        for database in ("catalog.sqlite", "vectors.sqlite")
        for (table,) in project.rows("SELECT name FROM sqlite_master WHERE type = 'table'", database)
    }
    for path in sorted((project.state / "index").rglob("*")):
        if path.is_file():
            found[str(path)] = f"{path.stat().st_mtime_ns} {path.stat().st_size}"
    return found


def left_over() -> set[str]:
    """The folders of self-tests that are there."""
    return {path.name for path in Path(tempfile.gettempdir()).glob("lockgate-selftest-*")}


def tried(summary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in summary["candidates"]}


def selftest_of(project: TinyProject, *only: str) -> dict[str, Any]:
    """The self-test with some candidates alone, which the command does not offer."""
    from flows.selftest.flow import gate_selftest

    return cast(dict[str, Any], gate_selftest(str(project.config), only=only))


def test_the_gate_stops_each_bad_candidate_for_its_own_reason_and_lets_the_good_ones_through(
    ended: Ended,
) -> None:
    found = tried(ended.json)
    assert {name: one["decision"] for name, one in found.items()} == {
        "empty": "block",
        "half gone": "block",
        "vectors shuffled": "block",
        "access stripped": "block",
        "deletes not applied": "block",
        "stale": "hold",
        "wrong embedder": "block",
        "invented numbers": "block",
        "identical": "promote",
        "chunked the same": "promote",
        "one word edited": "promote",
    }
    assert {name: check for name, check in BAD.items() if check not in found[name]["checks"]} == {}
    assert {name for name, one in found.items() if not one["checks"]} == GOOD
    assert [one["advice"] for one in found.values() if one["advice"]] == []
    assert ended.json["caught"] is True
    assert ended.code == 0


def test_reasons_are_one_sentence_each(ended: Ended) -> None:
    found = tried(ended.json)
    assert found["empty"]["reasons"][0] == "Version 2 is empty: 0 documents, 0 chunks."
    assert found["deletes not applied"]["reasons"] == [
        "The index of version 2 holds 2 passages that the catalog has no more: what was deleted was not taken out."
    ]
    assert found["stale"]["reasons"] == [
        "Version 2 is behind its sources: pages (48.0 h old, at most 24.0 h)."
    ]


def test_the_state_of_the_project_is_as_it_was(
    works: TinyProject, state_before: dict[str, str], ended: Ended
) -> None:
    assert state_of(works) == state_before
    assert lockgate("ledger", "verify", "--json", project=works).json["sound"] is True


def test_nothing_is_left_in_the_folder_for_temporary_files(left_before: set[str], ended: Ended) -> None:
    assert ended.code == 0
    assert left_over() <= left_before


def test_no_log_has_a_word_of_a_document(works: TinyProject, ended: Ended) -> None:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, LogFilter
    from prefect.logging.handlers import APILogWorker

    from tests.flows.prefect_runs import client

    assert APILogWorker.drain_all(timeout=30)
    named = FlowRunFilter(name=FlowRunFilterName(any_=["self-test of the gate"]))
    with client() as server:
        (run,) = server.read_flow_runs(flow_run_filter=named)
        of_run = LogFilter.model_validate({"flow_run_id": {"any_": [run.id]}})
        messages: list[str] = []
        while page := server.read_logs(of_run, limit=200, offset=len(messages)):
            messages += [log.message for log in page]
    said = "\n".join(messages)
    assert "identical: promote (as it should)" in said
    told = [sentence for fact in (*MACHINES, *PEOPLE, *BOARD) for sentence in fact.text.split(". ")]
    assert [sentence for sentence in told if sentence in said] == []
    assert run.state is not None
    assert run.state.name == "Caught"


def test_a_person_reads_a_table_and_the_reason_of_each_that_was_stopped(
    works: TinyProject, ended: Ended
) -> None:
    from flows.cli import gate
    from flows.cli.output import out

    with out.capture() as captured:
        gate._page(ended.json)
    page = captured.get()
    assert "one word edited" in page
    assert "Version 2 is empty: 0 documents, 0 chunks." in page
    assert "The gate decides as it should" in page


def test_without_a_limit_forbidden_questions_or_a_metric_of_answers_it_says_what_is_missing(
    copied: TinyProject,
) -> None:
    copied.replace_in_config("freshness: {max_lag: 24h}", "owner: docs@works.example")
    copied.replace_in_config(", Faithfulness: {floor: 0.80, margin: 0.05}", "")
    write_questions(copied, forbidden=False)
    summary = selftest_of(copied, "access stripped", "stale", "invented numbers")
    found = tried(summary)
    assert summary["caught"] is False
    assert {one["decision"] for one in found.values()} == {"promote"}
    assert not any(one["passed"] for one in found.values())
    assert "No golden question is of kind forbidden" in found["access stripped"]["advice"]
    assert "set its freshness.max_lag" in found["stale"]["advice"]
    assert "add Faithfulness to gate.metrics" in found["invented numbers"]["advice"]


def test_a_gate_that_is_not_caught_out_ends_in_1_and_says_so(
    copied: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.selftest import rehearse

    stale = [one for one in CANDIDATES if one.name == "stale"]
    monkeypatch.setattr(rehearse, "CANDIDATES", stale)
    copied.replace_in_config("freshness: {max_lag: 24h}", "owner: docs@works.example")
    page = lockgate("gate", "selftest", project=copied)
    assert page.code == 1
    assert "The gate decides not as it should" in " ".join(page.out.split())
    assert "set its freshness.max_lag in sources" in page.out


def test_a_project_that_its_own_gate_blocks_is_not_tested(copied: TinyProject, left_before: set[str]) -> None:
    copied.replace_in_config("floor: 0.80, margin: 0.05", "floor: 1, margin: 0.05")
    with pytest.raises(EvaluationError, match=r"the gate blocks the project as it is: Faithfulness is 0\.99"):
        selftest_of(copied, "identical")
    assert left_over() <= left_before


def test_what_was_purged_does_not_come_back_in_a_rehearsal(copied: TinyProject) -> None:
    from flows.selftest.scratch import Material, Rehearsal, scratch

    assert lockgate("purge", "pages/machines/stoat.md", project=copied).code == 0
    with (
        scratch(load_settings(copied.config)) as shared,
        closing(Rehearsal(shared.settings(shared.base), shared, Material())) as project,
        project.catalog.connect() as connection,
    ):
        rows = connection.exec_driver_sql("SELECT key, state FROM document").all()
    assert [tuple(row) for row in rows] == [("pages/machines/stoat.md", "purged")]
    # a golden question still names it, and may: it was ingested once
    assert selftest_of(copied, "identical")["caught"] is True


def test_a_candidate_that_nobody_knows_is_refused(works: TinyProject) -> None:
    from flows.selftest.rehearse import selftest

    with pytest.raises(UsageError, match="no candidate 'emty'; the nearest known is 'empty'"):
        selftest(load_settings(works.config), only=["emty"])


def test_a_project_that_was_never_run_is_rehearsed_from_nothing(tmp_path: Path) -> None:
    from flows.selftest.scratch import scratch

    project = works_project(tmp_path / "works")
    with scratch(load_settings(project.config)) as shared:
        assert sorted(path.name for path in shared.folder.iterdir()) == ["base"]
        assert shared.folder.stat().st_mode & 0o777 == 0o700
        settings = shared.settings(shared.base)
        assert {source.deletions.max_share for source in settings.sources} == {1.0}
        assert settings.directory == project.root
    assert not shared.folder.exists()
    assert not project.state.exists()


def test_what_was_answered_once_is_not_asked_again_and_a_failure_is() -> None:
    asked: list[str] = []

    def ask(cases: Sequence[tuple[str, Sequence[Hit]]]) -> list[Answer | LockgateError]:
        asked.extend(question for question, _ in cases)
        return [
            ModelError("busy")
            if question == "Why?"
            else Answer((Sentence("So.", (1,)),), tuple(passages), 1, usage=Usage(calls=1))
            for question, passages in cases
        ]

    answer_all = remembering(ask, {})
    one, two = hit("So. It is."), hit("So. It was.")
    first = answer_all([("When?", [one]), ("Why?", [one]), ("When?", [one])])
    assert asked == ["When?", "Why?"]
    assert first[0] == first[2]
    moved = replace(one, score=0.9)
    again = answer_all([("When?", [moved]), ("Why?", [moved]), ("When?", [two])])
    assert asked == ["When?", "Why?", "Why?", "When?"]
    assert isinstance(again[0], Answer)
    assert again[0].passages == (moved,)
    assert again[0].usage == Usage()
    assert isinstance(again[1], ModelError)


def test_other_numbers_are_invented_and_refusals_and_failures_are_left_alone() -> None:
    said = Answer((Sentence("It holds 140 litres.", (1,), True), Sentence("Ask the porter.", (2,), True)), ())
    failed = ModelError("no answer")
    invented, refused, failure = inventing([said, refusal(), failed])
    assert isinstance(invented, Answer)
    assert invented.sentences == (
        Sentence("It holds 817 litres.", (1,)),
        Sentence("Ask the porter, which 4,713 people confirmed in 1893.", (2,)),
    )
    assert refused == refusal()
    assert failure is failed


def test_a_tenth_of_the_texts_swap_their_vectors_and_two_at_least(tmp_path: Path) -> None:
    vectors = {f"hash-{number:02}": np.full(2, number, np.float32) for number in range(40)}
    with closing(ShuffledCache(tmp_path / "cache", fingerprint="f", seed=3)) as cache:
        cache.put(vectors)
        for size, swapped in ((1, 0), (2, 2), (3, 2), (19, 2), (40, 4)):
            asked = sorted(vectors)[:size]
            found = cache.get(asked)
            moved = [name for name in asked if found[name].tolist() != vectors[name].tolist()]
            assert len(moved) == swapped
            assert sorted(found[name][0] for name in asked) == [vectors[name][0] for name in asked]


def test_turned_queries_are_as_far_from_each_other_as_before_and_documents_stay(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    with closing(VectorCache(tmp_path / "cache", fingerprint=embedder.fingerprint)) as cache:
        turned = RotatedQueries(embedder, cache, seed=0)
        texts = ["When is the office open?", "Where are bicycles parked?"]
        right, other = embedder.embed_queries(texts), turned.embed_queries(texts)
        assert other @ other.T == pytest.approx(right @ right.T, abs=1e-5)
        assert np.abs(other - right).max() > 0.05
        assert turned.embed_documents(texts) == pytest.approx(embedder.embed_documents(texts))


def test_an_edit_changes_one_word_and_moves_what_follows() -> None:
    text = "# Shed\n\nThe hedge is usually cut in May.\n\nBring gloves.\n"
    with Parser() as parser:
        plain = parser.parse("shed.md", text.encode())
        at = plain.text.index("usually")
        editing = EditingParser(parser, Edit("pages/shed.md", at, at + len("usually"), "normally"))
        assert editing.parse("shed.md", text.encode()) == plain
        edited = editing.parse("shed.md", text.encode() + MARK)
        assert edited == parser.parse("shed.md", text.replace("usually", "normally").encode())
        assert editing.fingerprint == parser.fingerprint


def test_what_is_rehearsed_leaves_no_report_under_the_projects_keys(works: TinyProject, ended: Ended) -> None:
    with client() as server:
        flows = FlowFilter(name=FlowFilterName(any_=["gate-selftest"]))
        runs = [
            run
            for run in server.read_flow_runs(flow_filter=flows)
            if run.parameters["config"] == str(works.config)
        ]
    assert [set(artifacts(run.id)) for run in runs] == [{"gate-selftest"}]
