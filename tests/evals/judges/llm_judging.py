"""A case, and the judge of it that is a language model on a server of a test."""

from __future__ import annotations

from typing import Any

from evals.judges.llm import LlmJudge
from evals.judges.port import Case, JudgeFailure, Judgement
from rag.answering.openai_model import ModelPin
from tests.support.openai_server import (
    NAME,
    OpenAIServer,
)

KEY = "sk-a-key-that-nobody-may-see"
OFFICE = Case(
    question="When is the office open?",
    answer="The office opens at eight. Dogs may come in.",
    passages=("Our cantine has soup.", "The office opens at eight and closes at six."),
    reference="The office opens at eight. It closes at noon. The cat may stay.",
)


def judging(
    server: OpenAIServer, parallel: int = 1, *, json_schema: bool = True, **settings: Any
) -> LlmJudge:
    usual = {
        "timeout_seconds": 10.0,
        "attempts": 2,
        "api_key": KEY,
        "prompt_price": 1.0,
        "completion_price": 4.0,
    }
    pin = ModelPin(url=server.url, name=NAME, **{**usual, **settings})
    return LlmJudge(pin, parallel, json_schema=json_schema)


def only(verdicts: list[Judgement | JudgeFailure]) -> Judgement:
    (verdict,) = verdicts
    assert isinstance(verdict, Judgement)
    return verdict


def failure(verdicts: list[Judgement | JudgeFailure]) -> JudgeFailure:
    """The failure of ``OFFICE``, which shows no text of the case and no key."""
    (verdict,) = verdicts
    assert isinstance(verdict, JudgeFailure)
    for secret in (KEY, "office", "Dogs", "cantine", "noon"):
        assert secret not in verdict.message
    return verdict
