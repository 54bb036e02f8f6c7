"""The metrics of ragas, asked of a model that is given. Imports ragas, which takes seconds: import it late."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, TypeVar

from pydantic import BaseModel
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics.collections import AnswerCorrectness, ContextPrecision, ContextRecall, Faithfulness
from ragas.metrics.collections.base import BaseMetric
from ragas.prompt.metrics.base_prompt import BasePrompt

from evals.judges.llm_schema import read, response_format
from evals.judges.port import Case
from rag.answering.port import Message
from rag.errors import EvaluationError, ModelError

Answer = TypeVar("Answer", bound=BaseModel)
Say = Callable[[Sequence[Message], dict[str, Any]], Awaitable[str]]
"""What a model says to a conversation, in a response format of OpenAI's."""

INPUTS = {
    "Faithfulness": ("user_input", "response", "retrieved_contexts"),
    "AnswerCorrectness": ("user_input", "response", "reference"),
    "LLMContextPrecision": ("user_input", "reference", "retrieved_contexts"),
    "LLMContextRecall": ("user_input", "reference", "retrieved_contexts"),
}
_ASKS = 2
_DECIMALS = 6


class AskedLLM(InstructorBaseRagasLLM):
    """The model of one metric of one case. An answer that misses the schema is asked for once more.

    It stands in the place of ragas's own client, whose errors carry the conversation, and which neither sees a
    refusal nor ends in time.
    """

    def __init__(self, say: Say, *, json_schema: bool) -> None:
        self._say = say
        self._json_schema = json_schema
        self._statements: int | None = None

    def generate(self, prompt: str, response_model: type[Answer]) -> Answer:
        raise EvaluationError("the model of a judge is asked asynchronously")

    async def agenerate(self, prompt: str, response_model: type[Answer]) -> Answer:
        """Raises ``ModelError`` for what the endpoint does, and for an answer that misses the schema again."""
        form = {"type": "json_object"}
        if self._json_schema:
            form = response_format(response_model, self._statements)
        conversation = [Message("user", prompt)]
        missed = ""
        for _ in range(_ASKS):
            text = await self._say(conversation, form)
            answer = read(text, response_model, self._statements)
            if not isinstance(answer, str):
                self._statements = _count(answer)
                return answer
            missed = answer
            again = f"That does not follow the schema ({missed}). Give the whole output again: JSON, nothing else."
            conversation = [Message("user", prompt), Message("assistant", text), Message("user", again)]
        raise ModelError(
            f"what the model said does not follow the schema of {response_model.__name__} ({missed})",
            next_step="Pin a model that can follow a JSON schema.",
        )


async def score(metric: str, case: Case, llm: AskedLLM) -> float:
    """The value of ``metric``, from 0 to 1, to 6 decimals.

    Raises ``ModelError`` from the model, and ``EvaluationError`` if ragas gives no number or one out of range.
    """
    given = {
        "user_input": case.question,
        "response": case.answer,
        "reference": case.reference,
        "retrieved_contexts": list(case.passages),
    }
    result = await _metrics(llm)[metric].ascore(**{name: given[name] for name in INPUTS[metric]})
    value = round(float(result.value), _DECIMALS)
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise EvaluationError(f"the metric gave {value}, which is no number from 0 to 1")
    return value


def what_is_asked() -> dict[str, str]:
    """The prompts of ragas as they are, with their examples and schemas, by metric and name; and its version."""

    async def say(conversation: Sequence[Message], form: dict[str, Any]) -> str:
        raise EvaluationError("nothing is asked for a fingerprint")

    asked = {"ragas": version("ragas")}
    for metric, one in _metrics(AskedLLM(say, json_schema=True)).items():
        for name, prompt in vars(one).items():
            if isinstance(prompt, BasePrompt):
                asked[f"{metric}.{name}"] = prompt.to_string(_placeholder(prompt.input_model))
    return asked


def _metrics(llm: AskedLLM) -> dict[str, BaseMetric]:
    return {
        "Faithfulness": Faithfulness(llm=llm),
        # Only statements against statements: how near the texts are in an embedding is another metric's matter.
        "AnswerCorrectness": AnswerCorrectness(llm=llm, weights=[1.0, 0.0]),
        "LLMContextPrecision": ContextPrecision(llm=llm),
        "LLMContextRecall": ContextRecall(llm=llm),
    }


def _count(answer: BaseModel) -> int | None:
    """How many statements the model was just asked to find, each of which wants a verdict of its next answer."""
    statements = getattr(answer, "statements", None)
    return len(statements) if isinstance(statements, list) else None


def _placeholder(model: type[BaseModel]) -> BaseModel:
    filled = {
        name: ["…"] if field.annotation is not str else "…" for name, field in model.model_fields.items()
    }
    return model.model_validate_json(json.dumps(filled))
