"""How a question finds passages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rag.settings.base import Real, Section, Whole


class Bm25(Section):
    """The sparse vectors' BM25. Its defaults did best on the training questions of SciFact."""

    k1: Real = Field(0.9, ge=0, le=10, description="How fast repeating a word stops to count.")
    b: Real = Field(0.4, ge=0, le=1, description="How much a long passage is discounted: 0 none, 1 in full.")
    average_tokens: Whole = Field(
        120, ge=1, le=8192, description="The length of a middling passage, in words."
    )


class Retrieval(Section):
    """Dense and sparse rankings, and how they become one."""

    fusion: Literal["rrf"] = Field("rrf", description="rrf: reciprocal rank fusion of dense and sparse.")
    rrf_k: Whole = Field(10, ge=1, le=1000, description="RRF's constant; a larger one flattens the ranks.")
    bm25: Bm25 = Field(Bm25(), description="The sparse vectors' BM25.")
    candidates: Whole = Field(100, ge=1, le=10_000, description="Passages taken from each ranking.")
