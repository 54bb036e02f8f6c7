"""What ops see in Prefect: names, states, artifacts, retries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import connectors
from connectors import Content, DocumentRef
from rag.access import EVERYBODY
from rag.errors import SourceError, SourceUnavailableError
from tests.flows.commands import lockgate
from tests.flows.conftest import FirstRuns
from tests.flows.projects import NOTES, TinyProject

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


def state_of(run: FlowRun) -> tuple[str, str]:
    assert run.state is not None
    return run.state.type.value, run.state.name or ""


def test_runs_have_names_that_tell_what_they_do(first_runs: FirstRuns) -> None:
    from tests.flows.prefect_runs import inner_runs, main_run, task_runs

    run = main_run(first_runs.project)
    assert run.name == "ingest, evaluate, promote"
    inner = inner_runs(run)
    assert set(inner) == {"ingest all sources", "evaluate the candidate", "promote the candidate"}
    assert set(task_runs(inner["ingest all sources"])) == {
        "list pages",
        "pages: documents 1 to 3 of 3",
        "list notes",
        "notes: documents 1 to 3 of 3",
        "embed version 1",
        "seal version 1",
    }


def test_a_promotion_names_the_state_of_its_run(first_runs: FirstRuns) -> None:
    from tests.flows.prefect_runs import inner_runs, main_run

    run = main_run(first_runs.project)
    assert state_of(run) == ("COMPLETED", "Promoted")
    promotion = inner_runs(run)["promote the candidate"]
    assert state_of(promotion) == ("COMPLETED", "Promoted")
    assert promotion.state is not None
    assert promotion.state.message == first_runs.first.json["promote"]["reasons"][0]


def test_a_run_leaves_reports_of_ingest_evaluation_and_gate(first_runs: FirstRuns) -> None:
    from tests.flows.prefect_runs import artifacts, inner_runs, main_run

    inner = inner_runs(main_run(first_runs.project))
    ingest = artifacts(inner["ingest all sources"].id)["ingest"]
    assert ingest.type == "markdown"
    assert str(ingest.data).startswith("# Ingest: version 1\n")
    assert "| added | 6 |" in str(ingest.data)

    evaluation = artifacts(inner["evaluate the candidate"].id)["evaluation"]
    assert str(evaluation.data).startswith("# Evaluation of version 1\n")
    assert "fused (main)" in str(evaluation.data)

    gate = artifacts(inner["promote the candidate"].id)
    assert set(gate) == {"gate", "gate-checks"}
    assert str(gate["gate"].data).startswith("# Gate: promote\n")
    rows = json.loads(str(gate["gate-checks"].data))
    assert [row["check"] for row in rows][:2] == ["not empty", "complete"]
    assert {row["outcome"] for row in rows} == {"pass"}


def test_a_blocked_promotion_is_completed_and_called_blocked(promoted: TinyProject) -> None:
    from tests.flows.prefect_runs import artifacts, inner_runs, main_run

    (promoted.pages / "leave.md").unlink()
    promoted.write_notes({"printer": NOTES["printer"]})
    assert lockgate("run", project=promoted).code == 3
    run = main_run(promoted)
    assert state_of(run) == ("COMPLETED", "Blocked")
    promotion = inner_runs(run)["promote the candidate"]
    assert state_of(promotion) == ("COMPLETED", "Blocked")
    assert promotion.state is not None
    assert "nDCG@10 fell from 1.000" in (promotion.state.message or "")
    assert str(artifacts(promotion.id)["gate"].data).startswith("# Gate: block\n")


def test_a_source_that_cannot_be_used_fails_the_run_with_its_message(promoted: TinyProject) -> None:
    from tests.flows.prefect_runs import artifacts, inner_runs, main_run

    promoted.pages.rename(promoted.root / "elsewhere")
    assert lockgate("run", project=promoted).code == 1
    run = main_run(promoted)
    assert state_of(run) == ("FAILED", "Failed")
    assert run.state is not None
    assert "the folder of this source does not exist" in (run.state.message or "")
    ingest = inner_runs(run)["ingest all sources"]
    assert state_of(ingest) == ("FAILED", "Failed")
    report = str(artifacts(ingest.id)["ingest"].data)
    assert "## Incidents" in report
    assert "does not exist" in report


def test_documents_kept_out_are_in_the_report_with_their_reason(promoted: TinyProject) -> None:
    from tests.flows.prefect_runs import artifacts, inner_runs, main_run

    promoted.write_page("plan.txt", "\0\0\0")
    assert lockgate("run", project=promoted).code == 0
    ingest = inner_runs(main_run(promoted))["ingest all sources"]
    report = str(artifacts(ingest.id)["ingest"].data)
    assert "## Kept out" in report
    assert "| pages/plan.txt | it is named like a text file but holds binary data |" in report


class Unreliable:
    """A source that fails ``failures`` times to be listed and to be fetched before it answers."""

    def __init__(self, error: SourceError, failures: int) -> None:
        self.error = error
        self.failures = {"list": failures, "fetch": failures}
        self.calls = {"list": 0, "fetch": 0}

    def _fail(self, method: str) -> None:
        self.calls[method] += 1
        if self.calls[method] <= self.failures[method]:
            raise self.error

    def list(self) -> Iterator[DocumentRef]:
        self._fail("list")
        yield DocumentRef("one", "1", None, EVERYBODY)

    def fetch(self, id: str) -> Content:
        self._fail("fetch")
        return Content(f"{id}.txt", b"The garden is open in summer.")


@pytest.fixture
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once."""
    from flows import ingest

    for task in (ingest.list_source, ingest.process_documents):
        monkeypatch.setattr(task, "retry_delay_seconds", [0.0, 0.0, 0.0])


def having(monkeypatch: pytest.MonkeyPatch, source: Unreliable) -> None:
    """Every source is ``source``."""

    def build(name: str, options: Mapping[str, object], *, directory: Path, where: str) -> Unreliable:
        return source

    monkeypatch.setattr(connectors, "build", build)


@pytest.mark.usefixtures("without_waiting")
def test_a_transient_error_of_a_source_is_tried_again(
    tiny: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Unreliable(SourceUnavailableError("it does not answer", where="wiki"), failures=2)
    having(monkeypatch, source)
    ended = lockgate("ingest", "--source", "notes", "--json", project=tiny)
    assert ended.code == 0, ended.err
    assert ended.json["documents"]["added"] == 1
    assert source.calls == {"list": 3, "fetch": 3}


@pytest.mark.usefixtures("without_waiting")
def test_a_transient_error_that_lasts_becomes_an_incident(
    tiny: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Unreliable(SourceUnavailableError("it does not answer", where="wiki"), failures=100)
    having(monkeypatch, source)
    ended = lockgate("ingest", "--source", "notes", "--json", project=tiny)
    assert ended.code == 1
    assert ended.err == "lockgate: wiki: it does not answer.\n"
    assert source.calls == {"list": 4, "fetch": 0}


@pytest.mark.usefixtures("without_waiting")
def test_a_terminal_error_of_a_source_is_not_tried_again(
    tiny: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Unreliable(SourceError("the token was refused", where="wiki"), failures=1)
    having(monkeypatch, source)
    ended = lockgate("ingest", "--source", "notes", "--json", project=tiny)
    assert ended.code == 1
    assert ended.json["incidents"] == [
        {"source": "notes", "error": "SourceError", "message": "wiki: the token was refused."}
    ]
    assert source.calls == {"list": 1, "fetch": 0}
