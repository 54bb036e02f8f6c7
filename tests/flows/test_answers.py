"""Releases hold a prompt and a model, and an evaluation judges answers: with a model on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag.answering.port import Usage
from tests.flows.commands import Ended, lockgate
from tests.flows.models import (
    KEY,
    KEY_VARIABLE,
    answer_with,
    judge_with,
    quotes_and_judges,
    says_its_name,
    write_answered_questions,
    write_prompt,
)
from tests.flows.projects import ADA, NOTES, QUESTIONS, TinyProject
from tests.support.openai_server import (
    OpenAIServer,
    openai_server,
    refuses,
    silent,
    status,
    truncated_json,
)

LEAVE = QUESTIONS["leave"][0]
OF_DOCUMENTS = ("sixteen weeks", "behind the warehouse", "Kestrel", "second Tuesday", "yellow badge")
JUDGED = {"Faithfulness", "AnswerCorrectness", "LLMContextPrecision", "LLMContextRecall"}


@pytest.fixture(scope="module")
def key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_VARIABLE, KEY)
        yield


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server(quotes_and_judges) as server:
        yield server


@pytest.fixture(scope="module")
def first_server(key: None) -> Iterator[OpenAIServer]:
    with openai_server(quotes_and_judges) as server:
        yield server


@pytest.fixture(scope="module")
def first_prompt(
    original: TinyProject, first_server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory
) -> TinyProject:
    """Version 1 released again, with a model and the prompt that begins with ONE; not to be changed."""
    project = original.copied_to(tmp_path_factory.mktemp("answered") / "tiny")
    answer_with(project, first_server)
    write_prompt(project, 1, "ONE")
    measure_and_promote(project)
    return project


@pytest.fixture
def answered(first_prompt: TinyProject, tmp_path: Path) -> TinyProject:
    return first_prompt.copied_to(tmp_path / "tiny")


def measure_and_promote(project: TinyProject, *more: str, code: int = 0) -> Ended:
    evaluated = lockgate("evaluate", "--json", project=project)
    assert (evaluated.code, evaluated.err) == (0, "")
    ended = lockgate("promote", "--json", *more, project=project)
    assert ended.code == code, ended
    return ended


def asked(project: TinyProject, server: OpenAIServer) -> tuple[str, str, int]:
    """The first word of the prompt that a reader's question is asked with, the model's name, and the version."""
    before = len(server.requests)
    ended = lockgate("ask", LEAVE, "--as", ADA, "--json", project=project)
    assert ended.code == 0, ended.err
    assert ended.json["answer"] == "Parental leave lasts sixteen weeks and is paid in full. [1]"
    assert ended.json["usage"]["calls"] == len(server.requests) - before == 1
    word = server.prompts[-1].partition(".")[0]
    return word, server.requests[-1]["model"], ended.json["version"]


def releases(project: TinyProject) -> list[dict[str, str]]:
    """What the ledger says was promoted, oldest first."""
    entries = lockgate("ledger", "show", "--json", project=project).json["entries"]
    return [one["fingerprints"] for one in entries if one["kind"] == "promote"]


def test_the_model_is_asked_as_the_release_says_and_what_that_took_is_told(
    first_prompt: TinyProject, first_server: OpenAIServer
) -> None:
    assert asked(first_prompt, first_server) == ("ONE", "little-model", 1)
    page = lockgate("ask", LEAVE, "--as", ADA, project=first_prompt)
    assert "\n1 calls, " in page.out
    assert f"Bearer {KEY}" in first_server.headers[-1].values()


def test_a_model_and_a_prompt_make_another_release_of_the_same_version(first_prompt: TinyProject) -> None:
    quoted, by_model = releases(first_prompt)
    url = first_prompt.config.read_text(encoding="utf-8").partition("url: ")[2].partition(",")[0]
    assert quoted["model"] == "none: answers are quoted"
    assert by_model["model"] == f"little-model at {url}"
    changed = {name for name in by_model if by_model[name] != quoted[name]}
    assert changed == {"answering", "prompt", "model"}
    assert first_prompt.content()["version"] == 1
    assert first_prompt.content()["evaluation"] == 2


def test_another_prompt_reaches_readers_with_its_promotion(
    answered: TinyProject, first_server: OpenAIServer
) -> None:
    write_prompt(answered, 2, "TWO")
    assert asked(answered, first_server)[0] == "ONE"
    before = answered.content()

    evaluated = lockgate("evaluate", "--json", project=answered)
    assert (evaluated.code, evaluated.json["version"]) == (0, 1)
    assert answered.content()["evaluation"] == before["evaluation"] + 1
    assert {prompt.partition(".")[0] for prompt in first_server.prompts[-3:]} == {"TWO"}
    assert asked(answered, first_server)[0] == "ONE"

    promotion = lockgate("promote", "--json", project=answered).json
    assert (promotion["decision"], promotion["version"]) == ("promote", 1)
    assert asked(answered, first_server) == ("TWO", "little-model", 1)
    assert answered.content()["release"] == before["release"] + 1
    first, second = releases(answered)[-2:]
    assert first["prompt"] != second["prompt"]
    assert (first["model"], first["corpus"]) == (second["model"], second["corpus"])


def test_a_prompt_that_was_never_measured_is_held(answered: TinyProject, first_server: OpenAIServer) -> None:
    write_prompt(answered, 2, "TWO")
    held = lockgate("promote", "--json", project=answered)
    assert held.code == 4
    assert "has not been measured" in held.json["reasons"][0]
    assert asked(answered, first_server)[0] == "ONE"


def test_another_models_name_reaches_readers_with_its_promotion(
    answered: TinyProject, first_server: OpenAIServer
) -> None:
    first_server.hostile, first_server.every = [says_its_name], 1
    answered.replace_in_config("name: little-model", "name: larger-model")
    assert asked(answered, first_server) == ("ONE", "little-model", 1)
    measure_and_promote(answered)
    assert asked(answered, first_server) == ("ONE", "larger-model", 1)
    assert releases(answered)[-1]["model"].startswith("larger-model at ")


def test_a_key_and_a_time_limit_are_no_part_of_a_release(
    answered: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered.replace_in_config("prompt_price: 1", "prompt_price: 2, timeout: 9s, attempts: 1")
    monkeypatch.setenv(KEY_VARIABLE, "sk-another")
    before = answered.content()
    assert measure_and_promote(answered).json["reasons"] == [
        "Version 1 is promoted already, and nothing it rests on has changed."
    ]
    assert answered.content() == before


def test_a_rollback_brings_the_old_prompt_back_with_the_old_version(
    answered: TinyProject, first_server: OpenAIServer
) -> None:
    write_prompt(answered, 2, "TWO")
    answered.write_notes({**NOTES, "lift": "The lift is serviced every spring by the caretaker."})
    assert lockgate("run", "--json", project=answered).code == 0
    assert asked(answered, first_server) == ("TWO", "little-model", 2)
    assert lockgate("rollback", "--json", project=answered).json == {"from": 2, "to": 1}
    assert asked(answered, first_server) == ("ONE", "little-model", 1)


def test_a_rollback_brings_the_old_prompt_back_where_the_version_stayed(
    answered: TinyProject, first_server: OpenAIServer
) -> None:
    write_prompt(answered, 2, "TWO")
    measure_and_promote(answered)
    assert lockgate("rollback", "--json", project=answered).code == 0
    assert asked(answered, first_server) == ("ONE", "little-model", 1)


def test_a_person_approves_another_prompt_where_the_gate_asks_for_that(
    answered: TinyProject, first_server: OpenAIServer
) -> None:
    answered.replace_in_config("gate:\n", "gate:\n  approve: [answering]\n")
    measure_and_promote(answered)  # the gate is another one, and answers are as they were
    write_prompt(answered, 2, "TWO")
    held = measure_and_promote(answered, code=4)
    assert held.json["reasons"] == [
        "A person must approve version 1: the prompt, the model or the settings of answers changed. "
        "Run lockgate promote --approve."
    ]
    assert asked(answered, first_server)[0] == "ONE"
    assert lockgate("promote", "--approve", "--by", "ops", project=answered).code == 0
    assert asked(answered, first_server)[0] == "TWO"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("no front matter {question} {passages}", 1, "the first line is not ---"),
        ("---\nid: a\nversion: 1\nowner: o\n---\n{question}", 6, "placeholder {passages} is missing"),
        ("---\nid: a\nversion: 1\nowner: o\n---\n{qestion} {passages}", 6, "did you mean {question}?"),
    ],
)
def test_a_wrong_prompt_is_refused_at_its_line_and_readers_keep_the_old_one(
    answered: TinyProject, first_server: OpenAIServer, text: str, line: int, said: str
) -> None:
    (answered.root / "prompt.md").write_text(text, encoding="utf-8")
    answered.write_notes({**NOTES, "new": "A new note about the garden."})
    before = answered.content()
    ended = lockgate("run", "--json", project=answered)
    assert (ended.code, ended.out) == (2, "")
    assert f"prompt.md:{line}" in ended.err
    assert said in ended.err
    assert answered.content() == before
    assert asked(answered, first_server)[0] == "ONE"


def test_a_model_that_does_not_answer_fails_the_question_and_shows_no_key(
    first_prompt: TinyProject, first_server: OpenAIServer
) -> None:
    first_server.then(status(401))
    ended = lockgate("ask", LEAVE, "--as", ADA, "--json", project=first_prompt)
    assert (ended.code, ended.out) == (1, "")
    assert "does not accept the key" in ended.err
    assert not any(secret in ended.err for secret in (KEY, *OF_DOCUMENTS))


def counted_by(server: OpenAIServer) -> Usage:
    """Requests, and the tokens that the server reported."""
    tokens = server.reported
    return Usage(len(server.requests), tokens.prompt_tokens, tokens.completion_tokens)


@dataclass(frozen=True)
class Judged:
    """A project whose answers were made and judged by a model, how that ended, and what the server counted."""

    project: TinyProject
    ended: Ended
    reported: Usage


@pytest.fixture(scope="module")
def judging_server(key: None) -> Iterator[OpenAIServer]:
    with openai_server(quotes_and_judges) as server:
        yield server


@pytest.fixture(scope="module")
def judged(
    ingested_original: TinyProject, judging_server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    project = ingested_original.copied_to(tmp_path_factory.mktemp("judged") / "tiny")
    write_answered_questions(project)
    answer_with(project, judging_server)
    judge_with(project, judging_server)
    write_prompt(project, 1, "ONE")
    ended = lockgate("evaluate", "--json", project=project)
    assert (ended.code, ended.err) == (0, "")
    return Judged(project, ended, counted_by(judging_server))


def test_a_model_judges_every_answer_by_every_metric(judged: Judged) -> None:
    summary = judged.ended.json
    assert summary["failures"] == []
    assert set(summary["metrics"]) >= JUDGED | {"Citations", "Refusal", "ContextPrecision", "ContextRecall"}
    values = {name: (found["mean"], found["n"]) for name, found in summary["metrics"].items()}
    # each answer is the first passage, word for word; the forbidden question is refused
    assert (values["Faithfulness"], values["Refusal"], values["Citations"]) == ((1.0, 7), (1.0, 7), (1.0, 7))
    # "At reception." is not said in so many words, and "In the rack behind the warehouse." is within the answer
    assert values["LLMContextRecall"][1] == values["AnswerCorrectness"][1] == 2
    assert summary["judge"] == {
        "name": "llm",
        "fingerprint": summary["judge"]["fingerprint"],
        "auroc": None,
        "votes": False,
        "why": "the judge is not calibrated",
    }
    assert summary["groundedness"] is None


def test_what_the_server_counted_is_what_the_evaluation_says_it_spent(judged: Judged) -> None:
    spent = judged.ended.json["spent"]
    counted = judged.reported
    assert spent["calls"] == counted.calls > 20
    assert spent["prompt_tokens"] == counted.prompt_tokens > 1000
    assert spent["completion_tokens"] == counted.completion_tokens
    assert spent["cost"] == pytest.approx((counted.prompt_tokens + 4 * counted.completion_tokens) / 1e6)


def test_a_second_evaluation_costs_nothing_and_says_the_same(
    judged: Judged, judging_server: OpenAIServer
) -> None:
    before = len(judging_server.requests)
    again = lockgate("evaluate", "--json", project=judged.project)
    assert again.code == 0
    assert {**again.json, "page": None} == {**judged.ended.json, "page": None}
    assert len(judging_server.requests) == before


def test_what_was_judged_is_not_judged_again_for_another_golden_set(
    judged: Judged, judging_server: OpenAIServer, tmp_path: Path
) -> None:
    project = judged.project.copied_to(tmp_path / "tiny")
    write_answered_questions(project, tags=("topic:office",))
    before = len(judging_server.requests)
    again = lockgate("evaluate", "--json", project=project)
    assert again.code == 0
    assert again.json["metrics"] == judged.ended.json["metrics"]
    # every answer is made anew, and is the answer that was judged
    made = judging_server.requests[before:]
    assert len(made) == again.json["spent"]["calls"] <= len(QUESTIONS) + 1
    assert {asked["messages"][0]["role"] for asked in made} == {"system"}


@dataclass(frozen=True)
class Hostile:
    """A project that was evaluated while the model's server did what servers do."""

    project: TinyProject
    ended: Ended
    counted: Usage


@pytest.fixture(scope="module")
def hostile_server(key: None) -> Iterator[OpenAIServer]:
    with openai_server(quotes_and_judges) as server:
        yield server


@pytest.fixture(scope="module")
def hostile(
    ingested_original: TinyProject, hostile_server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory
) -> Hostile:
    project = ingested_original.copied_to(tmp_path_factory.mktemp("hostile") / "tiny")
    write_answered_questions(project)
    answer_with(project, hostile_server, "timeout: 1s", "attempts: 1")
    judge_with(project, hostile_server, "timeout: 1s", "attempts: 2")
    write_prompt(project, 1, "ONE")
    hostile_server.every = 3
    hostile_server.hostile = [status(500), status(429, Retry_After="1"), truncated_json, refuses, silent(5)]
    ended = lockgate("evaluate", "--json", project=project)
    hostile_server.every = 0
    return Hostile(project, ended, counted_by(hostile_server))


def test_an_evaluation_ends_whatever_the_server_does_and_no_question_is_lost(hostile: Hostile) -> None:
    assert (hostile.ended.code, hostile.ended.err) == (0, "")
    summary = hostile.ended.json
    assert summary["questions"] == 7
    assert {one["error"] for one in summary["failures"]} <= {
        "ModelUnavailableError",
        "ModelError",
        "ModelRefusedError",
    }
    failed = {one["question"] for one in summary["failures"]}
    assert len(failed) == len(summary["failures"]) > 1  # each counts once
    assert {one["system"] for one in summary["failures"]} <= {"answer", "judge"}
    assert summary["metrics"]["Faithfulness"]["n"] == 7
    by_question = {
        question: bool(failed)
        for question, failed in hostile.project.rows(
            "SELECT question, failed FROM score WHERE metric = 'Faithfulness'"
        )
    }
    assert len(by_question) == 7
    assert {question for question, lost in by_question.items() if lost} == failed
    assert hostile.project.rows(
        "SELECT DISTINCT value FROM score WHERE metric = 'Faithfulness' AND failed"
    ) == [(0.0,)]


def test_what_failed_calls_took_is_counted(hostile: Hostile) -> None:
    spent, counted = hostile.ended.json["spent"], hostile.counted
    # on a busy machine a call may end for lack of time before the server has seen it, or its answer come too late
    assert spent["calls"] >= counted.calls > 10
    assert counted.prompt_tokens / 2 < spent["prompt_tokens"] <= counted.prompt_tokens


def test_the_gate_blocks_what_more_than_one_in_twenty_questions_failed_of(
    hostile: Hostile, tmp_path: Path
) -> None:
    project = hostile.project.copied_to(tmp_path / "tiny")
    ended = lockgate("promote", "--json", project=project)
    assert ended.code == 3
    failures = next(one for one in ended.json["checks"] if one["name"] == "failures")
    assert failures["outcome"] == "block"
    assert any(
        "of 7 questions failed" in reason and "at most 5 % may" in reason for reason in ended.json["reasons"]
    )
    assert lockgate("promote", "--approve", project=project).code != 0


def test_neither_key_nor_documents_are_in_what_is_printed_or_logged(hostile: Hostile) -> None:
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.logging.handlers import APILogWorker

    from tests.flows.prefect_runs import artifacts, client

    secrets = (KEY, *OF_DOCUMENTS)
    assert not any(secret in hostile.ended.out + hostile.ended.err for secret in secrets)
    APILogWorker.drain_all(timeout=10)
    with client() as server:
        runs = [
            each
            for each in server.read_flow_runs()
            if each.parameters.get("config") == str(hostile.project.config)
        ]
    assert runs
    for run in runs:
        with client() as server:
            logs = server.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        told = [log.message for log in logs] + [str(one.data) for one in artifacts(run.id).values()]
        assert any("7 questions" in one for one in told)
        assert not any(secret in one for secret in secrets for one in told)
    for path in hostile.project.state.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert KEY.encode() not in (Path(os.environ["PREFECT_HOME"]) / "prefect.db").read_bytes()


def test_what_failed_is_tried_again_once_the_server_is_well(
    hostile: Hostile, hostile_server: OpenAIServer, tmp_path: Path
) -> None:
    project = hostile.project.copied_to(tmp_path / "tiny")
    project.write_config(project.config.read_text(encoding="utf-8").replace("timeout: 1s", "timeout: 60s"))
    again = lockgate("evaluate", "--json", project=project)
    assert (again.code, again.json["failures"]) == (0, [])
    assert again.json["metrics"]["Faithfulness"]["mean"] == 1.0
    assert lockgate("promote", "--json", project=project).json["decision"] == "promote"


def test_searches_that_take_as_long_pass_and_the_gate_says_so(promoted: TinyProject) -> None:
    promoted.replace_in_config("gate:\n", "retrieval: {rrf_k: 60}\ngate:\n  latency: {max_ratio: 1000}\n")
    ended = measure_and_promote(promoted)
    assert ended.json["decision"] == "promote"
    (latency,) = [one for one in ended.json["checks"] if one["name"] == "latency"]
    assert latency["outcome"] == "pass"
    assert "times as long" in latency["figure"]


def test_the_first_promotion_waits_for_a_person_where_the_gate_asks_for_that(ingested: TinyProject) -> None:
    ingested.replace_in_config("gate:\n", "gate:\n  approve: [first]\n")
    held = measure_and_promote(ingested, code=4)
    assert held.json["reasons"] == [
        "A person must approve version 1: it would be the first promotion. Run lockgate promote --approve."
    ]
    approved = lockgate("promote", "--approve", "--json", project=ingested)
    assert (approved.code, approved.json["decision"]) == (0, "promote")
