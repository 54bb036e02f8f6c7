"""What makes answers, by value: a release holds it, so that a rollback brings the old prompt and model back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.answering.prompts import Prompt


@dataclass(frozen=True, slots=True)
class PinnedModel:
    """What of a model decides on its answers; its key and its limits are not part of a release."""

    url: str
    name: str
    temperature: float | None
    seed: int | None
    max_tokens: int


@dataclass(frozen=True, slots=True)
class AnsweringSetup:
    """Prompt, model (None: answers are quoted), passages looked at, and the least support (None: the usual)."""

    prompt: Prompt
    model: PinnedModel | None
    passages: int
    min_support: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        pin = self.model
        return {
            "prompt": self.prompt.to_dict(),
            "model": pin
            and {
                "url": pin.url,
                "name": pin.name,
                "temperature": pin.temperature,
                "seed": pin.seed,
                "max_tokens": pin.max_tokens,
            },
            "passages": self.passages,
            "min_support": self.min_support,
        }

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> AnsweringSetup | None:
        """From ``to_dict``; None for None, as releases of old say nothing of answers."""
        if value is None:
            return None
        model = value["model"]
        return cls(
            Prompt.of(value["prompt"]),
            PinnedModel(**model) if model else None,
            value["passages"],
            value["min_support"],
        )
