"""Judges: what they are worth, whether they moved, and whether they may decide in the gate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.commands import Ended, lockgate
from tests.flows.models import KEY, KEY_VARIABLE, judge_with, quotes_and_judges
from tests.flows.prefect_events import events
from tests.flows.projects import ADA, NOTES, STRANGER, TinyProject, write_lines
from tests.support.openai_rules import judge_by_words
from tests.support.openai_server import OpenAIServer, openai_server, status

LABELS = Path(__file__).parents[2] / "data" / "judge" / "labels.jsonl"
BAR = "{floor: 0.5, margin: 0.1}"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with pytest.MonkeyPatch.context() as patch, openai_server(quotes_and_judges) as server:
        patch.setenv(KEY_VARIABLE, KEY)
        yield server


@pytest.fixture(scope="module")
def calibrated(original: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyProject, Ended]:
    """A project whose offline judge is calibrated by the labels of its settings; not to be changed."""
    project = original.copied_to(tmp_path_factory.mktemp("calibrated") / "tiny")
    project.replace_in_config("gate:\n", f"evaluation: {{judge: {{labels: {LABELS}}}}}\ngate:\n")
    return project, lockgate("judge", "calibrate", "--json", project=project)


@pytest.fixture(scope="module")
def judged_by_model(
    ingested_original: TinyProject, server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TinyProject, Ended]:
    """A project whose judge is a model, calibrated by 40 easy answers; not to be changed."""
    project = ingested_original.copied_to(tmp_path_factory.mktemp("model") / "tiny")
    labels = project.root / "labels.jsonl"
    write_easy_labels(labels)
    judge_with(project, server, labels=labels)
    return project, lockgate("judge", "calibrate", "--json", project=project)


def write_easy_labels(path: Path) -> None:
    """40 answers of a sentence each; every second one says what its passage does not."""
    write_lines(
        path,
        [
            {
                "id": f"label-{number}",
                "question": "Which colour has the door?",
                "answer": f"Door {number} is {'red' if number % 2 else 'green'}.",
                "passages": [f"Door {number} is red and of oak."],
                "grounded": bool(number % 2),
            }
            for number in range(40)
        ],
    )


def test_the_offline_judge_may_decide_as_it_is_shipped(original: TinyProject) -> None:
    ended = lockgate("judge", "status", "--json", project=original)
    assert ended.code == 0
    found = ended.json
    assert (found["judge"], found["votes"], found["why"], found["floor"]) == ("support", True, None, 0.7)
    assert found["auroc"]["low"] < found["auroc"]["mean"] < found["auroc"]["high"]
    assert found["labels"] > 500
    assert "It may decide in the gate (floor 0.7)." in lockgate("judge", "status", project=original).out


def test_a_judge_is_known_before_anything_is_ingested(tiny: TinyProject) -> None:
    ended = lockgate("judge", "status", "--json", project=tiny)
    assert (ended.code, ended.json["judge"]) == (0, "support"), ended.err


def test_a_calibration_by_labels_is_kept_and_shown(calibrated: tuple[TinyProject, Ended]) -> None:
    project, ended = calibrated
    assert (ended.code, ended.err) == (0, "")
    found = ended.json
    assert (found["judge"], found["labels"], found["failures"]) == ("support", 60, 0)
    assert 5 <= found["grounded"] <= 55
    assert sum(one["n"] for one in found["curve"]) == 60
    assert 0.5 < found["auroc"]["mean"] <= 1
    assert found["votes"] is (found["auroc"]["mean"] >= 0.7)
    assert lockgate("judge", "status", "--json", project=project).json == found
    page = lockgate("judge", "status", project=project).out
    assert "60 labels, 0 failures" in page
    assert "labelled grounded" in page


def test_labels_named_on_the_command_line_go_before_those_of_the_settings(
    calibrated: tuple[TinyProject, Ended], tmp_path: Path
) -> None:
    project = calibrated[0].copied_to(tmp_path / "tiny")
    labels = tmp_path / "few.jsonl"
    write_easy_labels(labels)
    found = lockgate("judge", "calibrate", "--labels", str(labels), "--json", project=project).json
    assert (found["labels"], found["grounded"]) == (40, 20)


def test_an_offline_judge_that_is_calibrated_is_steady(calibrated: tuple[TinyProject, Ended]) -> None:
    project, _ = calibrated
    ended = lockgate("judge", "drift", "--json", project=project)
    assert (ended.code, ended.err) == (0, "")
    found = ended.json
    assert (found["drifted"], found["reasons"], found["moved"], found["failures"]) == (False, [], 0, 0)
    assert found["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert found["auroc"]["before"] == found["auroc"]["now"]
    assert "It judges as it did." in lockgate("judge", "drift", project=project).out


def test_without_labels_or_a_calibration_by_them_there_is_nothing_to_compare(
    promoted: TinyProject, tmp_path: Path
) -> None:
    for command in ("calibrate", "drift"):
        ended = lockgate("judge", command, "--json", project=promoted)
        assert (ended.code, ended.out) == (2, "")
        assert "evaluation.judge.labels: there are no labels" in ended.err
    promoted.replace_in_config("gate:\n", f"evaluation: {{judge: {{labels: {LABELS}}}}}\ngate:\n")
    ended = lockgate("judge", "drift", "--json", project=promoted)
    assert (ended.code, ended.out) == (2, "")
    assert "not calibrated with these labels" in ended.err
    assert "lockgate judge calibrate" in ended.err


def test_a_model_that_judges_is_calibrated_and_what_that_took_is_told(
    judged_by_model: tuple[TinyProject, Ended],
) -> None:
    project, ended = judged_by_model
    assert (ended.code, ended.err) == (0, "")
    found = ended.json
    assert (found["judge"], found["labels"], found["grounded"], found["votes"]) == ("llm", 40, 20, True)
    assert (found["auroc"]["mean"], found["kappa"], found["calibration_error"]) == (1.0, 1.0, 0.0)
    assert found["usage"]["calls"] == 80
    assert found["usage"]["cost"] > 0
    assert lockgate("judge", "status", "--json", project=project).json["votes"]


def test_a_model_that_judges_as_it_did_is_steady(judged_by_model: tuple[TinyProject, Ended]) -> None:
    ended = lockgate("judge", "drift", "--json", project=judged_by_model[0])
    assert (ended.code, ended.json["drifted"], ended.json["moved"]) == (0, False, 0)


def test_a_model_that_judges_otherwise_now_has_drifted_and_is_an_event(
    judged_by_model: tuple[TinyProject, Ended], server: OpenAIServer
) -> None:
    project, calibration = judged_by_model
    server.say = lambda messages: judge_by_words(messages).replace('"verdict": 0', '"verdict": 1')
    try:
        ended = lockgate("judge", "drift", "--json", project=project)
        page = lockgate("judge", "drift", project=project)
    finally:
        server.say = quotes_and_judges
    assert (ended.code, page.code) == (1, 1)
    found = ended.json
    assert found["drifted"]
    assert found["difference"]["mean"] == 0.5
    assert (found["moved"], found["auroc"]) == (20, {"before": 1.0, "now": 0.5})
    assert found["reasons"][0].startswith("its scores moved by +0.500 (")
    assert found["reasons"][1] == "its AUROC fell from 1.000 to 0.500, below 0.7"
    assert "drifted: its scores moved by +0.500" in page.out
    told = events("lockgate.judge.drifted")
    assert {each["payload"]["reasons"][0] for each in told} == {found["reasons"][0]}
    assert {each["resource"]["lockgate.fingerprint"] for each in told} == {calibration.json["fingerprint"]}
    assert {each["resource"]["prefect.resource.id"] for each in told} == {"lockgate.project.tiny"}


def test_a_judge_that_does_not_answer_has_drifted_and_shows_no_key(
    judged_by_model: tuple[TinyProject, Ended], server: OpenAIServer
) -> None:
    server.every, server.hostile = 1, [status(401)]
    try:
        ended = lockgate("judge", "drift", "--json", project=judged_by_model[0])
    finally:
        server.every = 0
    assert ended.code == 1
    assert ended.json["failures"] == 40
    assert any("40 of 40 answers were not judged" in reason for reason in ended.json["reasons"])
    assert KEY not in ended.out + ended.err


GOOD_LINE = '{"answer": "Ten.", "passages": ["Ten weeks."], "grounded": true}\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD_LINE * 30, "labels.jsonl: all of its 30 labels are grounded: true"),
        (
            '{"answer": "a", "pasages": ["b"], "passages": ["b"], "grounded": true}\n',
            "labels.jsonl:1: unknown key 'pasages'; the nearest known is 'passages'",
        ),
        (
            GOOD_LINE + '{"answer": "Ten.", "passages": ["Ten weeks."]}\n',
            "labels.jsonl:2: the key 'grounded'",
        ),
        (GOOD_LINE + "{\n", "labels.jsonl:2"),
        (
            GOOD_LINE + '{"answer": "x", "passages": ["y"], "grounded": "yes"}\n',
            "labels.jsonl:2: grounded is",
        ),
        (
            GOOD_LINE + GOOD_LINE.replace("true", "false"),
            "labels.jsonl:2: the same answer is labelled the other",
        ),
        ("", "labels.jsonl: holds no label"),
        (None, "labels.jsonl: cannot be read: No such file or directory"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_before_anything_is_judged(
    judged_by_model: tuple[TinyProject, Ended],
    server: OpenAIServer,
    tmp_path: Path,
    content: str | None,
    said: str,
) -> None:
    project, _ = judged_by_model
    labels = tmp_path / "labels.jsonl"
    if content is not None:
        labels.write_text(content, encoding="utf-8")
    before = len(server.requests), project.count("calibration")
    ended = lockgate("judge", "calibrate", "--labels", str(labels), "--json", project=project)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert (len(server.requests), project.count("calibration")) == before


def measured_by(project: TinyProject, metrics: str) -> None:
    project.replace_in_config('"nDCG@10": {floor: 0.30, margin: 0.02}', metrics)


def refused_before_any_work(project: TinyProject, *said: str) -> None:
    """By every command that measures or decides, the main job included."""
    project.write_notes({**NOTES, "new": "A new note about the garden."})
    before = project.content()
    for command in ("run", "evaluate", "promote"):
        ended = lockgate(command, "--json", project=project)
        assert (ended.code, ended.out) == (2, ""), command
        for each in said:
            assert each in ended.err, command
    assert project.content() == before


def test_a_model_that_was_never_calibrated_cannot_decide(promoted: TinyProject, server: OpenAIServer) -> None:
    measured_by(promoted, f"Faithfulness: {BAR}")
    judge_with(promoted, server)
    before = len(server.requests)
    refused_before_any_work(
        promoted,
        "gate.metrics: Faithfulness cannot decide in the gate: the judge is not calibrated",
        "lockgate judge calibrate --labels FILE",
    )
    assert len(server.requests) == before


def test_a_judge_below_the_floor_cannot_decide(promoted: TinyProject) -> None:
    measured_by(promoted, f"Faithfulness: {BAR}, Citations: {BAR}")
    promoted.replace_in_config("gate:\n", "evaluation: {judge: {floor: 0.95}}\ngate:\n")
    refused_before_any_work(
        promoted, "Faithfulness cannot decide in the gate: its AUROC of 0.", "floor of 0.95"
    )


def test_a_judge_that_changed_after_its_calibration_cannot_decide(
    judged_by_model: tuple[TinyProject, Ended], tmp_path: Path
) -> None:
    project = judged_by_model[0].copied_to(tmp_path / "tiny")
    measured_by(project, f"Faithfulness: {BAR}")
    project.replace_in_config("prompt_price: 1", "prompt_price: 1, temperature: 0.5")
    ended = lockgate("evaluate", "--json", project=project)
    assert (ended.code, ended.out) == (2, "")
    assert "the judge changed after it was calibrated" in ended.err
    shown = lockgate("judge", "status", "--json", project=project).json
    assert (shown["votes"], shown["why"]) == (False, "the judge changed after it was calibrated")


def test_a_calibrated_model_decides(judged_by_model: tuple[TinyProject, Ended], tmp_path: Path) -> None:
    project = judged_by_model[0].copied_to(tmp_path / "tiny")
    measured_by(project, f"Faithfulness: {BAR}")
    evaluated = lockgate("evaluate", "--json", project=project)
    assert evaluated.code == 0, evaluated.err
    assert evaluated.json["judge"]["votes"]
    # the share of grounded answers, by labels of others
    assert evaluated.json["groundedness"]["labels"] == 40
    ended = lockgate("promote", "--json", project=project)
    assert (ended.code, ended.json["decision"]) == (0, "promote")
    assert "floor Faithfulness" in {one["name"] for one in ended.json["checks"]}


def test_the_offline_judge_decides_and_blocks_what_is_below_the_floor(promoted: TinyProject) -> None:
    measured_by(promoted, f"Faithfulness: {BAR}, Citations: {BAR}")
    assert lockgate("evaluate", "--json", project=promoted).code == 0
    ended = lockgate("promote", "--json", project=promoted)
    assert (ended.code, ended.json["decision"]) == (0, "promote")
    names = {one["name"] for one in ended.json["checks"]}
    assert {"floor Faithfulness", "floor Citations", "regression Faithfulness"} <= names

    promoted.replace_in_config(f"Faithfulness: {BAR}", "Faithfulness: {floor: 1.0, margin: 0.1}")
    ended = lockgate("promote", "--json", project=promoted)
    assert ended.code in (3, 4)
    assert any(reason.startswith("Faithfulness") for reason in ended.json["reasons"])


def test_without_answers_a_metric_of_answers_cannot_decide(promoted: TinyProject) -> None:
    measured_by(promoted, f"Refusal: {BAR}")
    promoted.replace_in_config("gate:\n", "evaluation: {answers: false}\ngate:\n")
    refused_before_any_work(promoted, "Refusal is measured of answers, which evaluation.answers turns off")


def test_without_answers_rankings_are_measured_and_nothing_is_judged(ingested: TinyProject) -> None:
    ingested.replace_in_config("gate:\n", "evaluation: {answers: false}\ngate:\n")
    ended = lockgate("run", "--json", project=ingested)
    assert ended.code == 0, ended.err
    measured = ended.json["evaluate"]
    assert "nDCG@10" in measured["metrics"]
    assert not {"Faithfulness", "Refusal", "ContextRecall"} & set(measured["metrics"])
    assert (measured["judge"], measured["groundedness"]) == (None, None)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (f"Faithfullness: {BAR}", "unknown metric 'Faithfullness'; did you mean 'Faithfulness'?"),
        (f"refusal: {BAR}", "did you mean 'Refusal'?"),
        (f"SpanRecall: {BAR}", "SpanRecall needs questions with evidence, and there are none"),
        (f"LLMContextRecall: {BAR}", "LLMContextRecall is not among what the judge gives"),
    ],
)
def test_a_metric_that_nothing_can_have_a_value_of_is_refused(
    promoted: TinyProject, metrics: str, said: str
) -> None:
    measured_by(promoted, metrics)
    refused_before_any_work(promoted, said)


def golden_line(id: str, question: str, document: str, grade: int = 1, **more: object) -> dict[str, object]:
    return {
        "id": id,
        "question": question,
        "principal": ADA,
        "kind": "answerable",
        "expected": {document: grade},
        **more,
    }


LEAVE = golden_line("leave", "How long is leave?", "pages/leave.md")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [golden_line("a", "Who is paid?", "pages/board/salaries.txt", kind="forbidden")],
            "golden: none of 1 golden questions is answerable",
        ),
        (
            [
                LEAVE,
                {**LEAVE, "id": "again", "expected": {"pages/leave.md": 0, "notes/coffee": 1}},
            ],
            "golden.jsonl:2: 'again' contradicts another: 'leave' asks the same and grades pages/leave.md",
        ),
        (
            [LEAVE, {**LEAVE, "id": "again", "kind": "forbidden"}],
            "golden.jsonl:2: 'again' contradicts another: 'leave' asks the same of the same persona",
        ),
    ],
)
def test_golden_sets_that_contradict_themselves_or_ask_nothing_are_refused(
    promoted: TinyProject, lines: list[dict[str, object]], said: str
) -> None:
    write_lines(promoted.root / "golden.jsonl", lines)
    before = promoted.content()
    for command in ("evaluate", "promote"):
        ended = lockgate(command, "--json", project=promoted)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
    assert promoted.content() == before


def test_a_persona_that_may_read_nothing_at_all_is_refused(promoted: TinyProject) -> None:
    promoted.replace_in_config("access: {default: public}", 'access: {default: ["group:staff"]}')
    assert lockgate("access", "sync", "--json", project=promoted).code == 0
    write_lines(promoted.root / "golden.jsonl", [LEAVE, {**LEAVE, "id": "eve", "principal": STRANGER}])
    before = promoted.content()
    ended = lockgate("evaluate", "--json", project=promoted)
    assert (ended.code, ended.out) == (2, "")
    assert f"golden.jsonl:2: {STRANGER} may read nothing at all" in ended.err
    assert promoted.content() == before
