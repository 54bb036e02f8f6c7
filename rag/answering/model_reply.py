"""What an endpoint replied: an answer of the pinned model, or why it is none."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field, ValidationError

from rag.answering.model_pin import ModelPin
from rag.answering.port import Usage
from rag.errors import ModelError, ModelRefusedError

_SNAPSHOT = re.compile(r"[-@:]v?\d{3,8}([-.]\d{1,4})*|:latest")


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Reply(BaseModel):
    model: str
    choices: list[_Choice] = Field(min_length=1)


class _Spent(BaseModel):
    usage: _Tokens


def spent(body: bytes, pin: ModelPin) -> Usage:
    """The tokens that the body of a reply reports and what they cost; none where it reports none."""
    try:
        tokens = _Spent.model_validate_json(body).usage
    except ValidationError:
        return Usage()
    return Usage(
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
        cost=pin.cost(tokens.prompt_tokens, tokens.completion_tokens),
    )


def text_of(body: bytes, pin: ModelPin) -> str | ModelError:
    """The answer in the body of a reply. An error is returned, not raised: so it carries no trace of the body."""
    try:
        reply = _Reply.model_validate_json(body)
    except ValidationError:
        return ModelError(
            "the reply is not a chat completion",
            where=pin.where,
            next_step="See that the URL is that of an OpenAI-compatible endpoint, and what stands before it.",
        )
    choice = reply.choices[0]
    if not same_model(pin.name, reply.model):
        return ModelError(
            f"another model answered: {_shown(reply.model)}",
            where=pin.where,
            state="What it said is not used",
            next_step="Pin the model by the name that the endpoint answers with.",
        )
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return ModelRefusedError("the model would not answer, or its filter did not let it", where=pin.where)
    if choice.finish_reason == "length":
        return ModelError(
            f"the answer was cut off at {pin.max_tokens} tokens or the end of the model's window",
            where=pin.where,
            next_step="Raise max_tokens, or ask with fewer passages.",
        )
    if not choice.message.content or not choice.message.content.strip():
        return ModelError("the answer is empty", where=pin.where)
    return choice.message.content


def same_model(pinned: str, answered: str) -> bool:
    """Whether ``answered`` names the pinned model or a dated snapshot of it; the provider before a ``/`` is not
    looked at.

    >>> same_model("gpt-4o", "gpt-4o-2024-08-06"), same_model("gpt-4o", "gpt-4o-mini"), same_model("a/b", "b")
    (True, False, True)
    """
    own, other = (name.rsplit("/", 1)[-1].lower() for name in (pinned, answered))
    rest = other.removeprefix(own)
    return bool(own) and other.startswith(own) and (not rest or bool(_SNAPSHOT.fullmatch(rest)))


def _shown(name: str) -> str:
    """A name as it may stand in a message: an endpoint can write anything there."""
    return repr(name) if re.fullmatch(r"[\w./:@+-]{1,80}", name) else "its name is no name"
