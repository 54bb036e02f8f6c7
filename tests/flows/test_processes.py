"""Processes that write at the same time, and processes that are killed while they write."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag import Retriever
from rag.retrieval.retriever import Mode
from tests.flows.commands import LOCKGATE, lockgate
from tests.flows.projects import ADA, TinyProject, tiny_project, write_lines

Moment = Callable[[], bool]


@contextmanager
def ingesting(project: TinyProject) -> Iterator[subprocess.Popen[bytes]]:
    """``lockgate ingest`` as a process of its own; killed at the end if it has not ended."""
    with (project.root / "ingest.log").open("ab") as log:
        process = subprocess.Popen(
            [str(LOCKGATE), "ingest", "--json"], cwd=project.root, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def reached(process: subprocess.Popen[bytes], moment: Moment) -> bool:
    """Waits for ``moment``; False if the process ended before it came."""
    while process.poll() is None:
        if moment():
            return True
        time.sleep(0.001)
    return False


def status(project: TinyProject) -> dict[str, Any]:
    return lockgate("status", "--json", project=project).json


SIGNALLING = """
import os
from {module} import {owner} as owner
kept = owner.{method}
def signalled(*arguments, **named):
    {before}
    done = kept(*arguments, **named)
    {after}
    return done
owner.{method} = signalled
from flows.cli.main import main
main()
"""


def signalled_at(
    project: TinyProject, method: str, *, sent: signal.Signals, before: bool = False
) -> subprocess.Popen[bytes]:
    """``lockgate ingest`` as a process that signals itself after ``module:Class.method``, or before it."""
    module, _, name = method.partition(":")
    owner, _, called = name.partition(".")
    send = f"os.kill(os.getpid(), {int(sent)})"
    text = SIGNALLING.format(
        module=module,
        owner=owner,
        method=called,
        before=send if before else "pass",
        after="pass" if before else send,
    )
    script = project.root / "signalling.py"
    script.write_text(text, encoding="utf-8")
    command = [sys.executable, str(script), "ingest", "--json"]
    with (project.root / "ingest.log").open("ab") as log:
        return subprocess.Popen(command, cwd=project.root, stdout=log, stderr=log)


@contextmanager
def stopped_at(project: TinyProject, method: str) -> Iterator[subprocess.Popen[bytes]]:
    """An ingest that stands still before ``method``, as long as that takes; killed in the end."""
    process = signalled_at(project, method, sent=signal.SIGSTOP, before=True)
    try:
        _, ended = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(ended), (project.root / "ingest.log").read_text(encoding="utf-8")[-2000:]
        yield process
    finally:
        process.kill()
        process.wait()


# Of 60 notes, version 2 changes eight, deletes six and adds six.
CHANGED, DELETED, ADDED = range(8), range(8, 14), range(60, 66)


def note(number: int, edition: int) -> str:
    return f"Shelf {number} holds the ledgers of year {1900 + number}, edition {edition}."


def before_the_change() -> dict[str, str]:
    return {f"n{number}": note(number, 1) for number in range(60)}


def after_the_change() -> dict[str, str]:
    notes = before_the_change()
    for number in DELETED:
        del notes[f"n{number}"]
    return notes | {f"n{number}": note(number, 2) for number in (*CHANGED, *ADDED)}


@pytest.fixture(scope="module")
def shelves(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A project with version 1 promoted, whose source has changed since."""
    project = tiny_project(tmp_path_factory.mktemp("shelves") / "tiny")
    text = project.config.read_text(encoding="utf-8")
    pages = text[text.index("  - name: pages") : text.index("  - name: notes")]
    project.replace_in_config(pages, "")
    project.write_notes(before_the_change())
    write_lines(
        project.root / "golden.jsonl",
        [
            {
                "id": f"q{number}",
                "question": f"Which ledgers does shelf {number} hold?",
                "principal": "public",
                "kind": "answerable",
                "expected": {f"notes/n{number}": 1},
            }
            for number in range(40, 46)
        ],
    )
    assert lockgate("run", project=project).code == 0
    project.write_notes(after_the_change())
    return project


@pytest.fixture(scope="module")
def uninterrupted(shelves: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """What version 2 is when nothing goes wrong."""
    project = shelves.copied_to(tmp_path_factory.mktemp("uninterrupted") / "tiny")
    summary = lockgate("ingest", "--json", project=project).json
    assert summary["documents"]["changed"] == len(CHANGED)
    assert summary["documents"]["deleted"] == len(DELETED)
    assert summary["documents"]["added"] == len(ADDED)
    assert summary["chunks"]["embedded"] == len(CHANGED) + len(ADDED)
    return project


def moments(project: TinyProject) -> dict[str, Moment]:
    """Points of an ingest as they can be seen from outside, in the order in which they come."""
    runs, vectors = project.count("run"), project.vectors()
    index = project.state / "index"

    def listed() -> bool:
        return ("n65",) in project.rows("SELECT external_id FROM document") or deleted() > 0

    def deleted() -> int:
        return len(project.rows("SELECT id FROM document WHERE state = 'deleted'"))

    return {
        "listing": lambda: project.count("run") > runs,
        "processing": listed,
        "embedding": lambda: project.count("version") > 1,
        "embedded": lambda: project.vectors() > vectors,
        "building": lambda: (index / ".building-00000002").exists(),
        "sealing": lambda: (index / ".building-00000002" / "lockgate-seal.json").exists(),
        "sealed": lambda: (index / "00000002").exists(),
    }


def killed_at(project: TinyProject, moment: Moment, delay_seconds: float = 0) -> None:
    """Starts an ingest and kills it, with all that it started, soon after ``moment``."""
    with ingesting(project) as process:
        reached(process, moment)
        time.sleep(delay_seconds)
        process.kill()
        process.wait()


def holds(project: TinyProject) -> None:
    """Readers see version 1 whole, and ``status`` says what is."""
    found = lockgate("search", "shelf 3 ledgers", "--as", ADA, "-k", "60", "--json", project=project)
    assert found.code == 0, found.err
    assert found.json["version"] == 1
    assert {hit["document"]: hit["text"] for hit in found.json["hits"]} == {
        f"notes/{id}": text for id, text in before_the_change().items()
    }
    now = status(project)
    assert now["promoted"]["version"] == 1
    assert now["writing"] is False
    states = {each["version"]: each["state"] for each in now["versions"]}
    assert states in ({1: "promoted"}, {1: "promoted", 2: "building"}, {1: "promoted", 2: "candidate"})
    if now["candidate"]:
        assert (now["candidate"]["version"], now["candidate"]["documents"]) == (2, 60)


def corpus(project: TinyProject) -> list[tuple[Any, ...]]:
    """Every document of version 2 with its passages."""
    return project.rows(
        "SELECT document.key, revision.content_hash, chunk.ordinal, chunk.text, chunk.text_hash"
        " FROM chunk JOIN revision ON chunk.revision_id = revision.id"
        " JOIN document ON revision.document_id = document.id"
        " WHERE revision.since <= 2 AND (revision.until IS NULL OR revision.until > 2)"
        " ORDER BY document.key, chunk.ordinal"
    )


def answers(project: TinyProject) -> dict[tuple[str, Mode], dict[str, tuple[str, float]]]:
    """``{(query, mode): {document: (text, score)}}``; not by rank, since ties have no order."""
    modes: tuple[Mode, ...] = ("dense", "sparse")
    found = {}
    with Retriever.open(project.config) as retriever:
        for query in ("shelf 3 ledgers", "year 1962", "edition 2"):
            for mode in modes:
                hits = retriever.search(query, principal=ADA, limit=100, version=2, mode=mode)
                found[query, mode] = {hit.document: (hit.text, round(hit.score, 5)) for hit in hits}
    return found


def same_in_the_end(project: TinyProject, uninterrupted: TinyProject) -> None:
    """One more ingest completes, and what it leaves is what an uninterrupted one leaves."""
    stored = project.vectors()
    ended = lockgate("ingest", "--json", project=project)
    assert ended.code == 0, ended.err
    assert ended.json["version"] == 2
    assert ended.json["chunks"]["embedded"] == project.vectors() - stored
    assert corpus(project) == corpus(uninterrupted)
    assert len(corpus(project)) == 60
    assert answers(project) == answers(uninterrupted)
    # Every text once, none that is not needed, and nothing left over.
    assert project.vectors() == uninterrupted.vectors() == 60 + len(CHANGED) + len(ADDED)
    assert project.content() == uninterrupted.content()
    assert sorted(path.name for path in (project.state / "index").iterdir()) == ["00000001", "00000002"]
    assert status(project)["candidate"]["version"] == 2
    assert lockgate("ingest", "--json", project=project).json["built"] is False


def test_a_second_writer_is_told_who_writes_and_changes_nothing(shelves: TinyProject, tmp_path: Path) -> None:
    project = shelves.copied_to(tmp_path / "tiny")
    with stopped_at(project, "rag.embedding:VectorCache.put") as first:
        second = lockgate("ingest", "--json", project=project)
        assert (second.code, second.out) == (1, "")
        assert f"another process is writing to this project (process {first.pid}, since 2" in second.err
        assert "Nothing was changed." in second.err
        assert status(project)["writing"] is True
        found = lockgate("search", "shelf 40 ledgers", "--as", ADA, "--json", project=project)
        assert found.json["hits"][0]["document"] == "notes/n40"
        first.send_signal(signal.SIGCONT)
        assert first.wait(timeout=120) == 0
    assert status(project)["writing"] is False


def test_an_ingest_killed_again_and_again_ends_as_one_that_was_not(
    shelves: TinyProject, uninterrupted: TinyProject, tmp_path: Path
) -> None:
    project = shelves.copied_to(tmp_path / "tiny")
    seen = moments(project)
    for name in ("listing", "processing", "embedded", "building"):
        killed_at(project, seen[name])
        holds(project)
    same_in_the_end(project, uninterrupted)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_wherever_an_ingest_is_killed_the_next_one_completes(
    shelves: TinyProject, uninterrupted: TinyProject, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    project = shelves.copied_to(tmp_path / "tiny")
    seen = moments(project)
    name = list(seen)[seed % len(seen)]
    killed_at(project, seen[name], delay_seconds=chance.choice([0, 0, 0.01, 0.05, 0.3]))
    holds(project)
    same_in_the_end(project, uninterrupted)


@pytest.mark.parametrize(
    ("method", "before"),
    [
        pytest.param("rag.index.qdrant_edge:EdgeBuilder.seal", False, id="sealed and not yet recorded"),
        pytest.param(
            "rag.embedding:VectorCache.put", True, id="embedded and not stored", marks=pytest.mark.soak
        ),
    ],
)
def test_a_death_between_two_stores_leaves_nothing_doubled(
    shelves: TinyProject,
    uninterrupted: TinyProject,
    tmp_path: Path,
    method: str,
    before: bool,
) -> None:
    project = shelves.copied_to(tmp_path / "tiny")
    died = signalled_at(project, method, sent=signal.SIGKILL, before=before)
    assert died.wait(timeout=300) == -signal.SIGKILL
    if not before:
        assert (project.state / "index" / "00000002").is_dir()
    holds(project)
    same_in_the_end(project, uninterrupted)


def test_a_killed_ingest_leaves_no_process_behind(shelves: TinyProject, tmp_path: Path) -> None:
    project = shelves.copied_to(tmp_path / "tiny")
    with stopped_at(project, "rag.embedding:VectorCache.put") as process:
        children = children_of(process.pid)
        assert children
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if is_alive(child)]


def children_of(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return state != "Z"
