"""The port that every language model fulfils. A router, or one with a budget, is another of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls of a model took: how many, their tokens, and what that costs in the currency of its prices."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said, and what that took."""

    text: str
    usage: Usage


class Model(Protocol):
    """A pinned language model. Safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Digest of what is pinned: the endpoint, the model's name and the settings of its answers; no secret."""
        ...

    def complete(self, messages: Sequence[Message]) -> Completion:
        """The model's answer. Raises ``ModelError``: ``ModelUnavailableError`` where trying later may help."""
        ...
