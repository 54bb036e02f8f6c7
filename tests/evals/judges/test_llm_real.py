"""The judge and the client on a real server with a real model, which is much too small to judge anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from evals.judges.cache import CachedJudge, JudgementCache
from evals.judges.llm import LlmJudge
from evals.judges.llm_schema import response_format
from evals.judges.port import Case, JudgeFailure, Judgement
from rag.answering.model_call import ask, open_client
from rag.answering.model_thread import run_apart
from rag.answering.openai_model import ModelPin, OpenAIModel
from rag.answering.port import Message, Usage
from rag.errors import ModelError
from tests.support.gemma_server import NAME, gemma_server

pytestmark = pytest.mark.soak

CASES = [
    Case("When is the office open?", "It opens at eight.", ("The office opens at eight.",), "At eight."),
    Case("How long is leave?", "Leave is 20 weeks.", ("Parental leave is 16 weeks.",)),
    Case("Who signs?", "The captain signs.", ("The captain signs the log.", "Soup is at noon.")),
    Case("What is a Heron?", "", ("A Heron is a survey vessel.",), "A vessel."),
    Case("Who is Einstein?", "Albert Einstein was a physicist.", ("Einstein was a German physicist.",)),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gemma_server(tmp_path_factory.mktemp("gemma")) as url:
        yield url


def test_a_real_server_holds_its_model_to_a_schema_and_its_tokens_are_counted(url: str) -> None:
    class Colours(BaseModel):
        colours: list[str] = Field(max_length=3)

    pin = ModelPin(url=url, name=NAME, timeout_seconds=120.0, attempts=1, completion_price=1e6)
    taken: list[Usage] = []

    async def work() -> str:
        async with open_client(pin) as client:
            asked = [Message("user", "Name three colours, as JSON.")]
            return await ask(client, pin, asked, taken.append, response_format(Colours))

    assert Colours.model_validate_json(run_apart(work)).colours
    usage = sum(taken, Usage())
    assert usage.calls == 1
    assert usage.prompt_tokens > 5
    assert usage.cost == usage.completion_tokens > 0


def test_an_answer_of_a_real_model_that_is_cut_off_is_none(url: str) -> None:
    pin = ModelPin(url=url, name=NAME, timeout_seconds=120.0, attempts=1, max_tokens=3)
    with pytest.raises(ModelError, match="cut off at 3 tokens"):
        OpenAIModel(pin).complete([Message("user", "Tell a long story.")])


def test_another_name_than_that_of_the_real_model_is_noticed(url: str) -> None:
    pin = ModelPin(url=url, name="gemma-3-27b", timeout_seconds=120.0, attempts=1, max_tokens=3)
    with pytest.raises(ModelError, match="another model answered"):
        OpenAIModel(pin).complete([Message("user", "Hello.")])


def accounted(verdict: Judgement | JudgeFailure) -> bool:
    """Whether a verdict is one, and says what it took and nothing of its case."""
    taken = verdict.usage
    assert taken.calls > 0
    assert taken.prompt_tokens > 300
    assert taken.completion_tokens > 0
    assert taken.cost == pytest.approx(taken.prompt_tokens / 1e6)
    if isinstance(verdict, Judgement):
        return all(0 <= score <= 1 for score in verdict.scores.values()) and "Faithfulness" in verdict.scores
    assert not [text for text in ("eight", "Parental", "captain") if text in verdict.message]
    return verdict.error.startswith("Model")


def judging(url: str, *, json_schema: bool) -> LlmJudge:
    pin = ModelPin(url=url, name=NAME, timeout_seconds=240.0, attempts=1, max_tokens=600, prompt_price=1.0)
    return LlmJudge(pin, parallel=2, json_schema=json_schema)


def test_every_case_has_a_verdict_or_a_failure_and_what_it_took(url: str, tmp_path: Path) -> None:
    judge = judging(url, json_schema=True)
    cache = JudgementCache(tmp_path / "judgements.sqlite")
    verdicts = CachedJudge(judge, cache).judge(CASES)
    assert [accounted(one) for one in verdicts] == [True] * 5
    judged = [case for case, one in zip(CASES, verdicts, strict=True) if isinstance(one, Judgement)]
    assert judged
    again = CachedJudge(judge, cache)
    assert all(one.usage == Usage() for one in again.judge(judged))
    assert again.hits == len(judged)
    cache.close()


def test_without_a_schema_a_real_model_that_misses_it_is_a_failure_or_hits_it(url: str) -> None:
    assert [accounted(one) for one in judging(url, json_schema=False).judge(CASES[1:2])] == [True]
