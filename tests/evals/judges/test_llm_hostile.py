"""The judge that is a language model, against a server that does what servers do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from evals.judges.port import Case, JudgeFailure, Judgement
from rag.answering.port import Usage
from tests.evals.judges.llm_judging import KEY, OFFICE, failure, judging, only
from tests.support.openai_rules import judge_by_words
from tests.support.openai_server import (
    Behaviour,
    OpenAIServer,
    another_model,
    answers,
    body,
    cut_off,
    dripping,
    empty,
    filtered,
    half_a_body,
    hung_up,
    not_json,
    openai_server,
    refuses,
    silent,
    status,
    truncated_json,
)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server(judge_by_words) as server:
        yield server


@pytest.mark.parametrize(
    ("hostile", "error"),
    [
        (silent(30), "ModelUnavailableError"),
        (dripping(0.05), "ModelUnavailableError"),
        (status(500), "ModelUnavailableError"),
        (status(429, Retry_After="3600"), "ModelUnavailableError"),
        (hung_up, "ModelUnavailableError"),
        (half_a_body, "ModelUnavailableError"),
        (status(401), "ModelError"),
        (truncated_json, "ModelError"),
        (not_json, "ModelError"),
        (another_model, "ModelError"),
        (cut_off, "ModelError"),
        (empty, "ModelError"),
        (refuses, "ModelRefusedError"),
        (filtered, "ModelRefusedError"),
        (answers("The office is open, and that is that."), "ModelError"),
        (answers('{"statements": ["The office opens'), "ModelError"),
        (answers('{"statements": "The office opens at eight."}'), "ModelError"),
        (answers('{"statements": []}'), "ModelError"),
        (answers('{"statements": [{"office": 1}]}'), "ModelError"),
        (answers("[" * 50_000 + "{" * 50_000), "ModelError"),
        (answers("{" * 50_000 + "}" * 50_000), "ModelError"),
    ],
)
def test_whatever_an_endpoint_does_is_a_failure_of_the_case(
    server: OpenAIServer, hostile: Behaviour, error: str
) -> None:
    server.then(hostile, hostile)
    failed = failure(judging(server, timeout_seconds=1.0).judge([OFFICE]))
    assert failed.error == error
    assert failed.message.startswith("Faithfulness: ")
    # an attempt counts although its time was over before the server had read it
    assert 0 < len(server.requests) <= failed.usage.calls <= 2
    assert failed.usage.prompt_tokens == server.reported.prompt_tokens


@pytest.mark.parametrize("number", range(8))
def test_a_metric_that_fails_is_named_and_no_number_stands_for_it(server: OpenAIServer, number: int) -> None:
    server.then(*[answers()] * number, answers("no JSON"), answers("no JSON"))
    failed = failure(judging(server).judge([OFFICE]))
    calls = (
        ["Faithfulness"] * 2 + ["AnswerCorrectness"] * 3 + ["LLMContextPrecision"] * 2 + ["LLMContextRecall"]
    )
    assert failed.message.startswith(f"{calls[number]}: ")
    assert failed.usage.calls == number + 2
    assert failed.usage.completion_tokens == server.reported.completion_tokens


def test_an_answer_that_misses_the_schema_is_asked_for_once_more(server: OpenAIServer) -> None:
    server.then(answers("Sorry, no JSON: the office…"))
    judged = only(judging(server).judge([OFFICE]))
    assert judged.scores["Faithfulness"] == 0.5
    assert judged.usage.calls == 9
    assert [one["role"] for one in server.requests[1]["messages"]] == ["user", "assistant", "user"]
    assert "does not follow the schema (it is not JSON)" in server.prompts[1]


def verdicts(*values: object) -> Behaviour:
    return answers(
        json.dumps({"statements": [{"statement": "s", "reason": "r", "verdict": one} for one in values]})
    )


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (verdicts(1, 2), "neither 0 nor 1"),
        (verdicts(1, -1), "neither 0 nor 1"),
        (verdicts(1), "1 verdicts for 2 statements"),
        (verdicts(1, 1, 1), "3 verdicts for 2 statements"),
        (verdicts(), "lists nothing"),
        (verdicts("maybe", 1), "statements.0.verdict: int_parsing"),
    ],
)
def test_verdicts_that_ragas_would_make_a_score_of_are_doubted(
    server: OpenAIServer, said: Behaviour, what: str
) -> None:
    server.then(answers(), said, said)
    failed = failure(judging(server).judge([OFFICE]))
    assert what in failed.message
    assert failed.usage.calls == 3


def test_an_empty_classification_is_not_a_perfect_answer(server: OpenAIServer) -> None:
    nothing = answers('{"TP": [], "FP": [], "FN": []}')
    server.then(*[answers()] * 4, nothing, nothing)
    assert failure(judging(server).judge([OFFICE])).message.startswith("AnswerCorrectness: ")


HOSTILE = [
    silent(30),
    status(500),
    status(429, Retry_After="0.1"),
    truncated_json,
    answers('{"statements": ["half'),
    refuses,
    another_model,
    half_a_body,
    dripping(0.05),
    hung_up,
    cut_off,
    body(b"null"),
]


@pytest.mark.parametrize("attempts", [1, 2])
def test_of_forty_cases_with_every_fifth_request_hostile_all_forty_are_accounted_for(
    server: OpenAIServer, attempts: int
) -> None:
    server.every, server.hostile = 5, HOSTILE
    cases = [
        Case(f"Question {number}?", f"Room {number} is blue. It is big.", (f"Room {number} is blue.",))
        for number in range(40)
    ]
    verdicts = judging(server, parallel=4, attempts=attempts, timeout_seconds=1.0).judge(cases)
    assert len(verdicts) == 40
    judged = [one for one in verdicts if isinstance(one, Judgement)]
    failed = [one for one in verdicts if isinstance(one, JudgeFailure)]
    assert all(one.scores == {"Faithfulness": 0.5} for one in judged)
    assert all(one.error.startswith("Model") for one in failed)
    assert not [
        one.message for one in failed if "Room" in one.message or "blue" in one.message or KEY in one.message
    ]
    assert len(judged) >= 20
    assert len(failed) >= 3
    assert len(judged) + len(failed) == 40
    taken = sum((one.usage for one in verdicts), Usage())
    assert taken.calls >= len(server.requests)
    assert taken.prompt_tokens == server.reported.prompt_tokens
    assert taken.completion_tokens == server.reported.completion_tokens


def test_an_endpoint_that_is_down_is_given_up_and_no_case_is_lost(server: OpenAIServer) -> None:
    server.every, server.hostile = 1, [status(503)]
    cases = [Case("Why?", f"Reason {number}.", ("None.",)) for number in range(40)]
    verdicts = judging(server, parallel=4, attempts=1).judge(cases)
    assert [one.error for one in verdicts if isinstance(one, JudgeFailure)] == ["ModelUnavailableError"] * 40
    assert 10 <= len(server.requests) <= 13  # as many more as were on their way
    assert sum((one.usage for one in verdicts), Usage()).calls >= len(server.requests)
    server.every = 0
    assert only(judging(server).judge([OFFICE])).scores["Faithfulness"] == 0.5


def test_no_text_and_no_key_is_logged(server: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.then(*[answers()] * 3, status(500), answers("half {"), truncated_json)
    judging(server).judge([OFFICE])
    assert caplog.text
    for secret in (KEY, "The office", "Dogs", "cantine", "noon", "sentence"):
        assert secret not in caplog.text


def test_what_ragas_itself_does_wrong_is_a_failure_without_its_words(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragas.metrics.collections import Faithfulness

    async def broken(*args: object, **given: object) -> None:
        raise KeyError(str(given))

    monkeypatch.setattr(Faithfulness, "ascore", broken)
    assert failure(judging(server).judge([OFFICE])).error == "KeyError"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5, -0.1])
def test_a_value_that_is_no_number_from_0_to_1_is_a_failure(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    from ragas.metrics.collections import Faithfulness
    from ragas.metrics.result import MetricResult

    async def odd(*args: object, **given: object) -> MetricResult:
        return MetricResult(value=value)

    monkeypatch.setattr(Faithfulness, "ascore", odd)
    failed = failure(judging(server).judge([OFFICE]))
    assert (failed.error, failed.usage) == ("EvaluationError", Usage())
