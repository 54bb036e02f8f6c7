"""What a candidate must hold to be promoted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rag.errors import unknown
from rag.settings.base import Real, Section, Whole

METRICS = (
    "nDCG@10",
    "P@5",
    "Recall@10",
    "MRR",
    "Success@1",
    "SpanRecall",
    "SpanPrecision",
    "ContextPrecision",
    "ContextRecall",
    "Faithfulness",
    "Citations",
    "Refusal",
    "AnswerCorrectness",
    "LLMContextPrecision",
    "LLMContextRecall",
)
Condition = Literal["first", "generation", "retrieval", "answering", "golden", "gate", "tie"]


class Latency(Section):
    """How long a search may take beside one of the promoted release."""

    max_ratio: Real | None = Field(
        None, ge=1, le=1000, description="So many times as long, both measured in turn; any if left out."
    )


def _metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(unknown("metric", name, METRICS))
    return name


class MetricGate(Section):
    """What one metric must hold."""

    floor: Real = Field(ge=0, le=1, description="The lowest mean that may pass.")
    margin: Real = Field(
        0.02,
        ge=0,
        le=1,
        description="How far below the promoted version the candidate may fall: it passes where the whole interval"
        " of the difference lies above that, and is held where that cannot be told.",
    )
    slices: dict[str, Annotated[Real, Field(ge=0, le=1)]] = Field(
        {}, description="The same for the questions with a tag: `{tag: margin}`."
    )


class Gate(Section):
    """The metrics that decide, and how sure the gate must be of them."""

    metrics: dict[Annotated[str, AfterValidator(_metric)], MetricGate] = Field(
        {"nDCG@10": MetricGate(floor=0.60)},
        min_length=1,
        description=f"Of {', '.join(METRICS)}: one at least.",
    )
    max_quarantined: Real = Field(
        0.2, ge=0, le=1, description="Share of documents that may be kept out as they cannot be read."
    )
    latency: Latency = Field(Latency(), description="How long a search may take.")
    approve: tuple[Condition, ...] = Field(
        (),
        description="What a person must approve, although everything holds: `first` promotion; another `generation`"
        " (embedder or chunker); other `retrieval` or `answering` (prompt, model) settings; another `golden` set or"
        " `gate`; a `tie`, where nothing differs from the promoted release beyond chance.",
    )
    resamples: Whole = Field(2000, ge=100, le=1_000_000, description="Bootstrap resamples.")
    confidence: Real = Field(0.95, gt=0.5, lt=1, description="Of the intervals around each mean.")
    seed: Whole = Field(0, ge=0, lt=2**32, description="Of the resampling: equal seeds give equal decisions.")
