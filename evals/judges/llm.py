"""The judge that is a language model: ragas's metrics, every verdict, failure and token accounted for."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evals.judges.port import Case, JudgeFailure, Judgement
from rag.answering.model_call import ask, open_client, require_openai
from rag.answering.model_thread import run_apart
from rag.answering.openai_model import ModelPin
from rag.answering.port import Message, Usage
from rag.errors import ConfigurationError, LockgateError, ModelUnavailableError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

JUDGE_VERSION = 1
"""Raised by hand whenever a change to this package changes what the judge asks, or what it makes of an answer."""

_GIVE_UP_AFTER = 10
_NOT_ASKED = JudgeFailure(
    ModelUnavailableError.__name__,
    f"not asked: for the {_GIVE_UP_AFTER} cases before, the model's endpoint was not available",
)


class LlmJudge:
    """``evals.judges.port.Judge``: a pinned model asked with ragas's prompts, ``parallel`` cases at a time.

    ``Faithfulness`` is the share of an answer's statements that follow from the passages; ``AnswerCorrectness`` the
    F1 of its statements against the reference's; ``LLMContextPrecision`` the average precision of the passages, and
    ``LLMContextRecall`` the share of the reference's statements that they hold (after Es et al. 2024,
    arXiv:2309.15217).

    What needs no model is not asked: an answer that is blank has Faithfulness and AnswerCorrectness 0, for it says
    nothing that could be held against it; with no passage, all but AnswerCorrectness are 0. If one metric of a case
    fails, the case is a failure that names it: half of a judgement would look like a whole one in a mean.

    A call of the model takes no longer than ``pin.longest_seconds``, and is made twice if the answer misses the
    schema. Faithfulness makes two calls, AnswerCorrectness three, LLMContextRecall one, LLMContextPrecision one a
    passage. ``json_schema`` has the endpoint hold the model to the schema (OpenAI, vLLM, llama.cpp and Ollama can);
    without it, the model is asked for JSON.

    After 10 cases in a row for which the endpoint was not available, the rest fail without being asked about.

    Raises ``ConfigurationError`` if ragas or openai are not installed, or ``parallel`` is below 1.
    """

    name = "llm"
    metrics = ("Faithfulness", "AnswerCorrectness", "LLMContextPrecision", "LLMContextRecall")

    def __init__(self, pin: ModelPin, parallel: int = 4, *, json_schema: bool = True) -> None:
        if parallel < 1:
            raise ConfigurationError(f"parallel is {parallel}, not 1 or more", where="judge llm")
        require_openai()
        os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")
        try:
            import evals.judges.llm_ragas  # noqa: F401
        except ImportError as error:
            raise ConfigurationError(
                f"the metrics of language model judges are not installed ({error.name})",
                next_step="Install ragas, which Lockgate depends on.",
            ) from error
        self._pin = pin
        self._parallel = parallel
        self._json_schema = json_schema

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the pin, ragas's version and prompts, the metrics, and this judge's version."""
        from evals.judges.llm_ragas import what_is_asked

        parts = [JUDGE_VERSION, self._pin.fingerprint, self._json_schema, self.metrics, what_is_asked()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        """A verdict for each case, in their order; from any thread, and where an event loop runs."""
        return run_apart(lambda: self._judge(cases)) if cases else []

    async def _judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        slots = asyncio.Semaphore(self._parallel)
        unavailable = 0

        async def one(case: Case) -> Judgement | JudgeFailure:
            nonlocal unavailable
            async with slots:
                if unavailable >= _GIVE_UP_AFTER:
                    return _NOT_ASKED
                verdict = await self._one(client, case)
                failed = isinstance(verdict, JudgeFailure) and verdict.error == ModelUnavailableError.__name__
                unavailable = unavailable + 1 if failed else 0
                return verdict

        async with open_client(self._pin) as client:
            return await asyncio.gather(*(one(case) for case in cases))

    async def _one(self, client: AsyncOpenAI, case: Case) -> Judgement | JudgeFailure:
        from evals.judges.llm_ragas import AskedLLM, score

        taken: list[Usage] = []

        async def say(conversation: Sequence[Message], form: dict[str, Any]) -> str:
            return await ask(client, self._pin, conversation, taken.append, form)

        scores: dict[str, float] = {}
        for metric in self.metrics:
            if metric != "Faithfulness" and _blank(case.reference):
                continue
            try:
                known = _without_asking(metric, case)
                llm = AskedLLM(say, json_schema=self._json_schema)
                scores[metric] = await score(metric, case, llm) if known is None else known
            except LockgateError as error:
                return JudgeFailure(type(error).__name__, f"{metric}: {error}", sum(taken, Usage()))
            except Exception as error:  # noqa: BLE001  ragas may raise anything, and its words may be the case's
                message = f"{metric}: ragas could not compute it"
                return JudgeFailure(type(error).__name__, message, sum(taken, Usage()))
        return Judgement(scores, sum(taken, Usage()))


def _without_asking(metric: str, case: Case) -> float | None:
    """The value that needs no model, or ``None``."""
    about_answer = metric in ("Faithfulness", "AnswerCorrectness")
    about_passages = metric != "AnswerCorrectness"
    nothing_said = about_answer and _blank(case.answer)
    nothing_read = about_passages and all(_blank(passage) for passage in case.passages)
    return 0.0 if nothing_said or nothing_read else None


def _blank(text: str | None) -> bool:
    return text is None or not text.strip()
