"""What the gate asks for."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from evals.golden import GoldenSet
from evals.measurement import Measurement
from evals.metrics import metric
from evals.nearest import nearest
from evals.statistics import CONFIDENCE, RESAMPLES, SEED
from rag.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Bar:
    """For one metric: the least mean (``None``: any), and by how much it may fall below the incumbent's; in
    ``slices`` the same for the questions with a tag, ``{tag: margin}``."""

    floor: float | None = None
    margin: float = 0.0
    slices: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The bars by metric, how intervals are computed, and the name of the ``baseline`` system.

    ``confidence`` lies between 0 and 1. Raises ``ConfigurationError`` for an unknown metric, a floor outside
    the metric's range, a margin below 0, or a confidence or number of resamples that gives no interval.
    """

    metrics: Mapping[str, Bar] = field(default_factory=dict)
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES
    seed: int = SEED
    baseline: str = "bm25"
    max_quarantined: float = 0.2
    """The largest share of documents that may be kept out because they cannot be parsed."""
    max_latency_ratio: float | None = None
    """A search may take so many times as long as one of the incumbent; ``None``: any."""
    approve: frozenset[str] = frozenset()
    """What a person must approve although everything holds: parts of a release that changed, ``first``, ``tie``."""

    @property
    def judged(self) -> tuple[str, ...]:
        """The metrics of the policy whose values are a judge's."""
        return tuple(name for name in self.metrics if metric(name).judged)

    def __post_init__(self) -> None:
        for name, bar in self.metrics.items():
            known = metric(name)
            if not known.higher_is_better:
                raise ConfigurationError(
                    f"{name} is better when lower, and the gate asks for more", where="gate"
                )
            if bar.floor is not None and not known.low <= bar.floor <= known.high:
                raise ConfigurationError(
                    f"the floor {bar.floor} of {name} is not from {known.low:g} to {known.high:g}",
                    where="gate",
                )
            for margin in (bar.margin, *bar.slices.values()):
                if not (math.isfinite(margin) and margin >= 0):
                    raise ConfigurationError(f"the margin {margin} of {name} is not 0 or more", where="gate")
        if not 0 < self.confidence < 1 or self.resamples < 1:
            raise ConfigurationError(
                f"confidence {self.confidence} with {self.resamples} resamples gives no interval",
                where="gate",
            )

    def check_scopes(self, golden: GoldenSet, *, answers: bool, judge_gives: Collection[str]) -> None:
        """Raises ``ConfigurationError`` for a metric that no question, or no measurement, can have a value of.

        ``answers`` says whether answers are measured, ``judge_gives`` which metrics the judge has.
        """
        for name in self.metrics:
            known = metric(name)
            if known.of != "ranking" and not answers:
                why, how = f"{name} is measured of answers, which evaluation.answers turns off", "Turn it on"
            elif known.judged and name not in {*judge_gives, "Citations"}:
                why, how = f"{name} is not among what the judge gives", "Choose another judge"
            elif known.scope == "evidence" and not any(one.evidence for one in golden.questions):
                why, how = (
                    f"{name} needs questions with evidence, and there are none",
                    "Say where answers are",
                )
            elif known.scope == "reference" and not any(one.answer for one in golden.of_kind("answerable")):
                why, how = f"{name} needs questions with a reference answer, and there are none", "Write some"
            else:
                continue
            raise ConfigurationError(
                why, where="gate", next_step=f"{how}, or take {name} out of gate.metrics."
            )

    def check_slices(self, golden: GoldenSet) -> None:
        """Raises ``ConfigurationError`` for a slice whose tag no answerable question has."""
        tags = {tag for question in golden.of_kind("answerable") for tag in question.tags}
        for name, bar in self.metrics.items():
            for tag in bar.slices:
                if tag not in tags:
                    hint = f"; the nearest known is {nearest(tag, tags)!r}" if tags else ""
                    raise ConfigurationError(
                        f"no answerable question has the tag {tag!r}, a slice of {name}{hint}",
                        where="gate",
                        next_step="Correct the slice, or tag the questions that it is about.",
                    )


@dataclass(frozen=True, slots=True)
class CorpusState:
    """What a version's index holds beside what the catalog has for it now, and how old that is.

    ``indexed`` and ``expected`` are passages; ``erasing`` documents that were purged and may still be in the index;
    ``stale`` says of sources over their limit how old their listing is and how old it may be, in seconds, the first
    None where the version has none.
    """

    indexed: int
    expected: int
    erasing: int = 0
    active: int = 0
    quarantined: int = 0
    stale: Mapping[str, tuple[float | None, float]] = field(default_factory=dict)
    compared: int = 0
    """Passages whose vector was compared with that of their text."""
    misplaced: tuple[str, ...] = ()
    """The documents of those that have another's vector, or none."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How many times as long a search takes as one of the incumbent's, ``low`` to ``high``, over ``n`` questions
    that were asked of both in turn."""

    ratio: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """The sealed version that wants through: its size, what was measured of it, and the state of its corpus."""

    version: int
    documents: int
    chunks: int
    measurement: Measurement
    state: CorpusState
    changed: frozenset[str] = frozenset()
    """What differs from the promoted release: ``generation``, ``retrieval``, …; ``first`` where there is none."""
    latency: Latency | None = None
    """None where there is nothing to compare with, or nobody asked."""
