"""The chunker."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from rag.settings.base import LocatedError, Section, Whole


class Chunking(Section):
    """How long a chunk is, in tokens of the embedder's own tokenizer."""

    max_tokens: Whole = Field(256, ge=8, le=8192, description="The longest chunk, in tokens.")
    overlap_tokens: Whole = Field(
        32, ge=0, le=4096, description="Tokens that neighbouring chunks share; fewer than max_tokens."
    )

    @model_validator(mode="after")
    def _overlap_is_shorter(self) -> Self:
        if self.overlap_tokens >= self.max_tokens:
            raise LocatedError(
                f"expected fewer than max_tokens, which is {self.max_tokens}", ("overlap_tokens",)
            )
        return self
