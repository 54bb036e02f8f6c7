"""The promoted release, measured again: nothing of it should have moved."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from rag.errors import ReleaseError
from rag.settings import Settings, load_settings
from tests.flows.commands import lockgate
from tests.flows.models import KEY, KEY_VARIABLE, answer_with, quotes_and_judges, write_prompt
from tests.flows.prefect_events import events
from tests.flows.projects import ADA, TinyProject
from tests.support.openai_server import openai_server

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State


def measured_again(project: TinyProject) -> tuple[str, dict[str, Any]]:
    """The name of the state of the run, and what it says."""
    from flows.drift import evaluate_promoted

    state: State[Any] = evaluate_promoted(str(project.config), return_state=True)
    summary = state.result(raise_on_failure=True)
    assert isinstance(summary, dict)
    assert state.message == " ".join(summary["reasons"])
    return state.name or "", summary


def test_a_release_that_nothing_happened_to_is_steady(promoted: TinyProject) -> None:
    before = promoted.content()
    name, found = measured_again(promoted)
    assert (name, found["drifted"], found["reasons"], found["compared"]) == ("Steady", False, [], True)
    assert (found["version"], found["leaks"], found["failures"]) == (1, 0, 0)
    assert found["release"] == lockgate("status", "--json", project=promoted).json["promoted"]["release"]
    ranked = found["metrics"]["nDCG@10"]
    assert ranked == {"before": 1.0, "now": 1.0, "low": 0.0, "high": 0.0}
    assert promoted.content()["evaluation"] == before["evaluation"] + 1  # measured anew, whatever was known
    assert promoted.content()["ledger"] == before["ledger"]


def test_a_release_that_was_measured_better_before_has_drifted_and_is_an_event(promoted: TinyProject) -> None:
    with sqlite3.connect(promoted.state / "catalog.sqlite") as connection:
        connection.execute("UPDATE score SET value = 0.5 WHERE metric = 'nDCG@10' AND system = 'fused'")
    connection.close()
    name, found = measured_again(promoted)
    assert (name, found["drifted"]) == ("Drifted", True)
    assert found["reasons"] == ["nDCG@10 moved from 0.500 to 1.000 (+0.500)."]
    (told,) = [
        each for each in events("lockgate.release.drifted") if each["payload"]["reasons"] == found["reasons"]
    ]
    assert told["resource"]["prefect.resource.id"] == "lockgate.project.tiny"
    assert told["resource"]["lockgate.fingerprint"] == found["release"]
    assert measured_again(promoted)[0] == "Drifted"  # still against what it was promoted with


def test_an_index_that_was_damaged_fails_every_question_and_that_is_a_drift(promoted: TinyProject) -> None:
    largest = max(
        (path for path in (promoted.state / "index" / "00000001").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    os.truncate(largest, 1000)
    name, found = measured_again(promoted)
    assert name == "Drifted"
    assert found["reasons"][-1].startswith("7 questions more failed: ")
    assert any(reason.startswith("nDCG@10 moved from 1.000 to 0.000") for reason in found["reasons"])


def test_a_model_that_answers_otherwise_behind_the_same_name_has_drifted(
    promoted: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with openai_server(quotes_and_judges) as server:
        answer_with(promoted, server)
        write_prompt(promoted, 1, "ONE")
        for command in ("evaluate", "promote"):
            assert lockgate(command, "--json", project=promoted).code == 0
        write_prompt(promoted, 2, "TWO")  # configured, and not what is promoted
        before = len(server.requests)
        assert measured_again(promoted)[0] == "Steady"
        assert {prompt.partition(".")[0] for prompt in server.prompts[before:]} == {"ONE"}
        server.say = lambda messages: "NO_ANSWER"
        name, found = measured_again(promoted)
    assert name == "Drifted"
    assert any(reason.startswith("Refusal moved from 1.000 to 0.143") for reason in found["reasons"])
    assert found["metrics"]["nDCG@10"]["now"] == 1.0
    assert not any("salaries" in reason or "weeks" in reason for reason in found["reasons"])


def test_what_was_never_measured_as_it_is_has_nothing_to_be_compared_with(promoted: TinyProject) -> None:
    promoted.write_questions({"leave": ("How many weeks is parental leave?", "pages/leave.md")})
    name, found = measured_again(promoted)
    assert (name, found["compared"], found["metrics"]) == ("Steady", False, {})
    assert measured_again(promoted)[1]["compared"]


def test_with_nothing_promoted_there_is_nothing_to_measure(ingested: TinyProject) -> None:
    with pytest.raises(ReleaseError, match="nothing is promoted yet"):
        measured_again(ingested)


def test_a_report_of_it_is_left_for_people(promoted: TinyProject) -> None:
    from tests.flows.prefect_runs import artifacts, client

    measured_again(promoted)
    with client() as server:
        (run,) = [
            each for each in server.read_flow_runs() if each.parameters.get("config") == str(promoted.config)
        ]
    assert run.name == "measure the promoted release again"
    report = str(artifacts(run.id)["drift"].data)
    assert "Nothing moved beyond chance." in report
    assert "| nDCG@10 | 1.000 | 1.000 | +0.000 to +0.000 |" in report


def served_watchers(settings: Settings, project: TinyProject) -> dict[str, list[str | None]]:
    """The cron of each schedule, by the flow that is served."""
    from flows.deployments import watching

    found = watching(settings, project.config)
    for each in found:
        assert each.parameters == {"config": str(project.config)}
        assert each.concurrency_limit == 1
    return {
        str(each.flow_name): [getattr(one.schedule, "cron", None) for one in each.schedules or []]
        for each in found
    }


def test_what_is_promoted_is_measured_every_night_and_a_judge_is_watched_where_it_has_labels(
    tiny: TinyProject,
) -> None:
    assert served_watchers(load_settings(tiny.config), tiny) == {"evaluate-promoted": ["0 3 * * *"]}
    tiny.replace_in_config("gate:\n", "evaluation: {judge: {labels: labels.jsonl}}\ngate:\n")
    assert served_watchers(load_settings(tiny.config), tiny) == {
        "evaluate-promoted": ["0 3 * * *"],
        "judge-drift": ["0 4 * * *"],
    }


def test_a_schedule_that_is_turned_off_leaves_the_flow_to_be_run_by_hand(tiny: TinyProject) -> None:
    tiny.replace_in_config(
        "gate:\n",
        "evaluation: {schedule: null, judge: {labels: labels.jsonl, drift: {schedule: 5 5 * * 1}}}\ngate:\n",
    )
    assert served_watchers(load_settings(tiny.config), tiny) == {
        "evaluate-promoted": [],
        "judge-drift": ["5 5 * * 1"],
    }


@pytest.mark.parametrize("line", ["schedule: every night", "judge: {drift: {schedule: 1 2 3}}"])
def test_a_schedule_that_is_none_is_refused(tiny: TinyProject, line: str) -> None:
    tiny.replace_in_config("gate:\n", f"evaluation: {{{line}}}\ngate:\n")
    ended = lockgate("search", "x", "--as", ADA, project=tiny)
    assert ended.code == 2
    assert "five cron fields" in ended.err
