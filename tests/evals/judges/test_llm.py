"""The judge that is a language model, against a server that answers by words alone."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator

import pytest

from evals.judges.port import Case, JudgeFailure, Judgement
from rag.errors import ConfigurationError
from tests.evals.judges.llm_judging import OFFICE, failure, judging, only
from tests.support.openai_rules import judge_by_words
from tests.support.openai_server import (
    OpenAIServer,
    openai_server,
)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server(judge_by_words) as server:
        yield server


@pytest.mark.parametrize("json_schema", [True, False])
def test_every_metric_is_worked_out_from_the_statements(server: OpenAIServer, json_schema: bool) -> None:
    judged = only(judging(server, json_schema=json_schema).judge([OFFICE]))
    assert judged.scores == {
        "Faithfulness": 0.5,  # of two statements one follows from the passages
        "AnswerCorrectness": 0.4,  # one of two is in the reference, two of three there are missed: 2/(2+1+2)
        "LLMContextPrecision": 0.5,  # the second of two passages helps
        "LLMContextRecall": pytest.approx(1 / 3, abs=1e-6),  # one of three statements of the reference
    }


def test_what_the_server_counted_is_what_the_case_took(server: OpenAIServer) -> None:
    judged = only(judging(server).judge([OFFICE]))
    # Two calls for Faithfulness, three for AnswerCorrectness, one for each of two passages, one for recall.
    assert (judged.usage.calls, len(server.requests)) == (8, 8)
    assert judged.usage.prompt_tokens == server.reported.prompt_tokens > 1000
    assert judged.usage.completion_tokens == server.reported.completion_tokens > 50
    expected = (server.reported.prompt_tokens + 4 * server.reported.completion_tokens) / 1e6
    assert judged.usage.cost == pytest.approx(expected)


def test_without_a_reference_only_faithfulness_is_judged(server: OpenAIServer) -> None:
    for reference in (None, "", " \n"):
        case = Case(OFFICE.question, OFFICE.answer, OFFICE.passages, reference)
        assert only(judging(server).judge([case])).scores == {"Faithfulness": 0.5}
    assert len(server.requests) == 6


def test_an_answer_that_says_nothing_is_zero_and_is_not_asked_about(server: OpenAIServer) -> None:
    case = Case(OFFICE.question, " ", OFFICE.passages, OFFICE.reference)
    judged = only(judging(server).judge([case]))
    assert judged.scores["Faithfulness"] == judged.scores["AnswerCorrectness"] == 0.0
    assert judged.usage.calls == 3  # the passages are judged all the same


@pytest.mark.parametrize("passages", [(), ("", " \n")])
def test_with_no_passage_all_that_is_about_passages_is_zero(
    server: OpenAIServer, passages: tuple[str, ...]
) -> None:
    case = Case(OFFICE.question, OFFICE.answer, passages, OFFICE.reference)
    judged = only(judging(server).judge([case]))
    assert judged.scores == {
        "Faithfulness": 0.0,
        "AnswerCorrectness": 0.4,
        "LLMContextPrecision": 0.0,
        "LLMContextRecall": 0.0,
    }
    assert judged.usage.calls == 3


def test_nothing_to_judge_asks_nothing(server: OpenAIServer) -> None:
    assert judging(server).judge([]) == []
    assert only(judging(server).judge([Case("Why?", "", ())])) == Judgement({"Faithfulness": 0.0})
    assert server.requests == []


def test_a_case_without_a_question_fails_and_asks_nothing(server: OpenAIServer) -> None:
    failed = failure(judging(server).judge([Case("", OFFICE.answer, OFFICE.passages)]))
    assert failed.message.startswith("Faithfulness: ")
    assert server.requests == []


def test_json_is_found_in_what_stands_around_it(server: OpenAIServer) -> None:
    server.say = lambda messages: f"Here you are:\n```json\n{judge_by_words(messages)}\n```"
    assert only(judging(server, json_schema=False).judge([OFFICE])).scores["Faithfulness"] == 0.5


def test_the_endpoint_is_told_the_schema_where_it_can_hold_the_model_to_it(server: OpenAIServer) -> None:
    case = Case(OFFICE.question, OFFICE.answer, OFFICE.passages)
    judging(server).judge([case])
    judging(server, json_schema=False).judge([case])
    forms = [asked["response_format"] for asked in server.requests]
    assert forms[2:] == [{"type": "json_object"}] * 2
    nli = forms[1]["json_schema"]
    assert (nli["name"], nli["strict"], nli["schema"]["additionalProperties"]) == (
        "NLIStatementOutput",
        True,
        False,
    )
    statements = nli["schema"]["properties"]["statements"]
    assert (statements["minItems"], statements["maxItems"]) == (2, 2)
    (inner,) = nli["schema"]["$defs"].values()
    assert (inner["additionalProperties"], inner["required"]) == (False, ["statement", "reason", "verdict"])
    assert inner["properties"]["verdict"]["enum"] == [0, 1]


def test_verdicts_come_in_the_order_of_the_cases_however_many_are_judged_at_once(
    server: OpenAIServer,
) -> None:
    cases = [
        Case("Which?", " ".join(["It is red."] * good + ["It is odd."] * (4 - good)), ("It is red.",))
        for good in (0, 4, 1, 3, 2, 4, 0)
    ]
    verdicts = judging(server, parallel=7).judge(cases)
    assert [only([one]).scores["Faithfulness"] for one in verdicts] == [0.0, 1.0, 0.25, 0.75, 0.5, 1.0, 0.0]


def test_no_more_cases_are_judged_at_once_than_were_asked_for(server: OpenAIServer) -> None:
    now, most, lock = [0], [0], threading.Lock()
    wait = threading.Event()

    def say(messages: list[dict[str, str]]) -> str:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        wait.wait(0.05)
        with lock:
            now[0] -= 1
        return judge_by_words(messages)

    server.say = say
    judging(server, parallel=2).judge([Case("Why?", f"Reason {number}.", ("None.",)) for number in range(8)])
    assert most == [2]


def test_a_judge_can_be_asked_inside_a_running_loop_and_from_a_thread(server: OpenAIServer) -> None:
    judge = judging(server)

    async def inside() -> list[Judgement | JudgeFailure]:
        return judge.judge([OFFICE])

    async def beside() -> list[Judgement | JudgeFailure]:
        return await asyncio.to_thread(judge.judge, [OFFICE])

    assert only(asyncio.run(inside())).scores == only(asyncio.run(beside())).scores


def test_the_fingerprint_follows_pin_prompts_version_and_mode(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragas.metrics.collections.faithfulness.util import NLIStatementPrompt

    own = judging(server).fingerprint
    assert judging(server, parallel=9, api_key="another", timeout_seconds=1.0).fingerprint == own
    others = {judging(server, seed=3).fingerprint, judging(server, json_schema=False).fingerprint}
    monkeypatch.setattr(NLIStatementPrompt, "instruction", "Judge as you like.")
    others.add(judging(server).fingerprint)
    monkeypatch.undo()
    monkeypatch.setattr("evals.judges.llm_ragas.version", lambda name: "0.5.0")
    others.add(judging(server).fingerprint)
    assert len(others - {own}) == 4
    assert server.requests == []


def test_ragas_is_told_to_send_nothing_home(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv("RAGAS_DO_NOT_TRACK", raising=False)
    judging(server)
    assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"


def test_a_judge_that_cannot_work_says_so_at_once(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="parallel is 0"):
        judging(server, parallel=0)
    monkeypatch.delitem(sys.modules, "evals.judges.llm_ragas", raising=False)
    monkeypatch.setitem(sys.modules, "ragas.llms.base", None)
    with pytest.raises(ConfigurationError, match="Install ragas"):
        judging(server)
