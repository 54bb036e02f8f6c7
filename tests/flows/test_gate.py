"""What the gate lets through, what it holds and blocks, and the way back."""

from __future__ import annotations

import json
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.flows.commands import Ended, lockgate
from tests.flows.projects import ADA, NOTES, QUESTIONS, TinyProject


def lose_half(project: TinyProject) -> None:
    """Takes away three of the six documents, and with them the answers to half of the questions."""
    (project.pages / "leave.md").unlink()
    (project.pages / "bicycles.txt").unlink()
    project.write_notes({id: text for id, text in NOTES.items() if id != "coffee"})


@pytest.fixture(scope="module")
def blocked(original: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyProject, Ended]:
    """A project that lost half of its documents, and the run that noticed."""
    project = original.copied_to(tmp_path_factory.mktemp("blocked") / "tiny")
    lose_half(project)
    return project, lockgate("run", "--json", project=project)


def test_a_candidate_that_lost_half_of_the_documents_is_blocked(blocked: tuple[TinyProject, Ended]) -> None:
    _, ended = blocked
    assert ended.code == 3
    promotion = ended.json["promote"]
    assert promotion["decision"] == "block"
    assert promotion["version"] == 2
    assert promotion["reasons"][0].startswith("nDCG@10 fell from 1.000 to 0.500 (-0.500, ")
    assert "at most -0.020 is allowed" in promotion["reasons"][0]
    assert ended.json["ingest"]["documents"]["deleted"] == 3


def test_the_promoted_version_answers_unchanged_after_a_block(
    blocked: tuple[TinyProject, Ended], original: TinyProject
) -> None:
    question = ("search", "How many weeks is parental leave?", "--as", ADA, "--json")
    now = lockgate(*question, project=blocked[0]).json
    before = lockgate(*question, project=original).json
    assert now["version"] == 1
    assert [(hit["document"], hit["text"]) for hit in now["hits"]] == [
        (hit["document"], hit["text"]) for hit in before["hits"]
    ]


def test_a_blocked_version_is_shown_as_rejected(blocked: tuple[TinyProject, Ended]) -> None:
    project, ended = blocked
    summary = lockgate("status", "--json", project=project).json
    assert summary["promoted"]["version"] == 1
    assert summary["promoted"]["release"] == ended.json["promote"]["release"]
    assert summary["candidate"] is None
    assert [each["state"] for each in summary["versions"]] == ["promoted", "rejected"]


def test_a_person_cannot_approve_what_the_gate_blocks(blocked: tuple[TinyProject, Ended]) -> None:
    project, _ = blocked
    ended = lockgate("promote", "--version", "2", "--approve", "--json", project=project)
    assert ended.code == 3
    assert ended.json["decision"] == "block"
    assert lockgate("status", "--json", project=project).json["promoted"]["version"] == 1


def test_a_blocked_version_is_nothing_to_roll_back_to(blocked: tuple[TinyProject, Ended]) -> None:
    project, _ = blocked
    ended = lockgate("rollback", "--to", "2", "--json", project=project)
    assert (ended.code, ended.out) == (2, "")
    assert "version 2 was never promoted" in ended.err
    assert "Version 1 stays promoted" in ended.err


def test_there_is_no_way_back_from_the_first_promotion(blocked: tuple[TinyProject, Ended]) -> None:
    ended = lockgate("rollback", "--json", project=blocked[0])
    assert (ended.code, ended.out) == (1, "")
    assert "version 1 is the first that was promoted" in ended.err


def test_every_decision_is_in_the_ledger(blocked: tuple[TinyProject, Ended]) -> None:
    rows = blocked[0].rows(
        "SELECT kind, version FROM ledger WHERE version IS NOT NULL ORDER BY number LIMIT 2"
    )
    assert rows == [("promote", 1), ("block", 2)]


def test_without_golden_questions_a_candidate_is_held_until_a_person_approves(ingested: TinyProject) -> None:
    project = ingested
    project.replace_in_config("golden: [golden.jsonl]\n", "")
    held = lockgate("run", "--json", project=project)
    assert held.code == 4
    assert held.json["promote"]["decision"] == "hold"
    assert held.json["promote"]["release"] is None
    assert "Not enough evidence" in held.json["promote"]["reasons"][0]
    status = lockgate("status", "--json", project=project).json
    assert (status["promoted"], status["candidate"]["version"]) == (None, 1)

    page = lockgate("promote", project=project)
    assert page.code == 4
    assert "hold version 1" in page.out

    approved = lockgate("promote", "--approve", "--json", project=project)
    assert approved.code == 0
    assert approved.json["decision"] == "promote"
    assert "approved" in approved.json["reasons"][0]
    assert lockgate("status", "--json", project=project).json["promoted"]["version"] == 1
    kinds = project.rows("SELECT kind FROM ledger WHERE version IS NOT NULL ORDER BY number")
    assert kinds == [("hold",), ("hold",), ("approve",), ("promote",)]


def test_approval_does_not_stand_in_for_a_measurement(ingested: TinyProject) -> None:
    ended = lockgate("promote", "--approve", "--json", project=ingested)
    assert ended.code == 4
    assert "has not been measured" in ended.json["reasons"][0]
    assert lockgate("status", "--json", project=ingested).json["promoted"] is None


def test_too_few_questions_are_no_evidence(ingested: TinyProject) -> None:
    ingested.write_questions(dict(list(QUESTIONS.items())[:4]))
    assert lockgate("evaluate", project=ingested).code == 0
    ended = lockgate("promote", "--json", project=ingested)
    assert ended.code == 4
    assert "only 4 golden questions can be answered" in ended.json["reasons"][0]


def test_one_question_of_six_that_got_worse_is_held_until_a_person_approves(promoted: TinyProject) -> None:
    (promoted.pages / "bicycles.txt").unlink()
    held = lockgate("run", "--json", project=promoted)
    assert held.code == 4
    assert held.json["promote"]["decision"] == "hold"
    (reason,) = held.json["promote"]["reasons"]
    assert reason.startswith("nDCG@10 went from 1.000 to 0.833 over 6 questions")
    assert "more questions like these would settle it" in reason
    assert lockgate("status", "--json", project=promoted).json["promoted"]["version"] == 1
    assert lockgate("promote", "--approve", "--json", project=promoted).code == 0
    assert lockgate("status", "--json", project=promoted).json["promoted"]["version"] == 2


def test_a_candidate_that_is_behind_its_source_is_held(promoted: TinyProject) -> None:
    promoted.replace_in_config("max_lag: 24h", "max_lag: 1s")
    promoted.write_notes({**NOTES, "new": "A new note about the garden."})
    for command in ("ingest", "evaluate"):
        assert lockgate(command, "--json", project=promoted).code == 0
    time.sleep(1)
    held = lockgate("promote", "--json", project=promoted)
    assert held.code == 4
    (reason,) = held.json["reasons"]
    assert reason.startswith("Version 2 is behind its sources: pages (0.0 h old, at most 0.0 h).")


def test_a_project_of_which_most_cannot_be_read_is_held(promoted: TinyProject) -> None:
    for number in range(3):
        promoted.write_page(f"scan{number}.pdf", "no PDF")
    promoted.write_notes({**NOTES, "new": "A new note about the garden."})
    held = lockgate("run", "--json", project=promoted)
    assert held.code == 4
    (reason,) = held.json["promote"]["reasons"]
    assert reason.startswith("3 of 10 documents are kept out as they cannot be read; at most 20 % may.")


def test_a_slice_that_no_question_is_in_is_refused_before_any_work(promoted: TinyProject) -> None:
    promoted.replace_in_config("margin: 0.02", 'margin: 0.02, slices: {"topic:mail": 0.1}')
    promoted.write_notes({**NOTES, "new": "A new note about the garden."})
    before = promoted.content()
    for command in ("run", "evaluate", "promote"):
        ended = lockgate(command, "--json", project=promoted)
        assert (ended.code, ended.out) == (2, "")
        assert "no answerable question has the tag 'topic:mail', a slice of nDCG@10" in ended.err
    assert promoted.content() == before


def test_rollback_moves_the_pointer_and_readers_with_it(promoted: TinyProject) -> None:
    promoted.write_notes({**NOTES, "coffee": "Coffee beans are ordered daily from the harbour."})
    assert lockgate("run", "--json", project=promoted).json["promote"]["decision"] == "promote"

    def answer() -> tuple[int, str]:
        found = lockgate("search", "coffee beans", "--as", ADA, "--json", project=promoted).json
        return found["version"], found["hits"][0]["text"]

    assert answer() == (2, "Coffee beans are ordered daily from the harbour.")
    back = lockgate("rollback", "--json", project=promoted)
    assert (back.code, back.json) == (0, {"from": 2, "to": 1})
    assert answer() == (1, NOTES["coffee"])
    states = lockgate("status", "--json", project=promoted).json["versions"]
    assert [each["state"] for each in states] == ["promoted", "retired"]

    already = lockgate("rollback", "--to", "1", project=promoted)
    assert already.code == 2
    assert "version 1 is promoted already" in already.err

    forward = lockgate("rollback", "--to", "2", project=promoted)
    assert forward.out == "Version 2 is promoted; before, it was version 1.\n"
    assert answer()[0] == 2


def test_a_measurement_reads_the_same_the_second_time(blocked: tuple[TinyProject, Ended]) -> None:
    project, ended = blocked
    again = lockgate("evaluate", "--version", "2", "--json", project=project).json
    measured = ended.json["evaluate"]
    assert measured["metrics"]["nDCG@10"]["mean"] == 0.5
    assert measured["metrics"]["nDCG@10"]["low"] < 0.5
    assert json.dumps({**again, "page": None}) == json.dumps({**measured, "page": None})


def test_a_measurement_is_written_as_junit_xml_for_continuous_integration(
    blocked: tuple[TinyProject, Ended], tmp_path: Path
) -> None:
    project, _ = blocked
    file = tmp_path / "questions.xml"
    ended = lockgate("evaluate", "--version", "2", "--junit", str(file), "--json", project=project)
    assert ended.code == 0
    suite = ElementTree.parse(file).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", "3", "0")
    lost = {case.get("name") for case in suite if len(case)}
    assert lost == {"leave", "bicycles", "coffee"}
    nowhere = tmp_path / "nowhere" / "questions.xml"
    ended = lockgate("evaluate", "--version", "2", "--junit", str(nowhere), "--json", project=project)
    assert (ended.code, ended.out) == (1, "")
    assert f"{nowhere}: the report cannot be written (No such file or directory)" in ended.err


def test_unknown_versions_cannot_be_measured_or_promoted(original: TinyProject) -> None:
    for command in ("evaluate", "promote"):
        ended = lockgate(command, "--version", "9", "--json", project=original)
        assert (ended.code, ended.out) == (2, "")
        assert "there is no version 9" in ended.err
