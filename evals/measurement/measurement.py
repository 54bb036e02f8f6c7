"""A measurement: every value of every question, what leaked, what failed, and what measured it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from evals.measurement.rows import Answered, Asked, Failure, Leak, Score
from evals.metrics.definition import Scope
from evals.metrics.registry import METRICS
from evals.plain import from_plain
from evals.statistics import CONFIDENCE, RESAMPLES, SEED, Interval, bootstrap_interval
from rag.answering.port import Usage
from rag.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Measurement:
    """One evaluation of ``systems``, of which ``main`` is what the application would get.

    ``scores`` has exactly one row for each metric, each system that has it and each question in the metric's
    scope; anything else raises ``EvaluationError``, so that a failure cannot drop out of a mean. Metrics of
    rankings are of every system, others of ``main`` alone. ``fingerprints`` has ``golden`` and ``evaluator``, and
    ``judge`` where answers were judged. ``answers`` has a row for each question, or none; ``spent`` is what the
    models behind answers and judgements took.
    """

    main: str
    systems: tuple[str, ...]
    asked: tuple[Asked, ...]
    scores: tuple[Score, ...]
    leaks: tuple[Leak, ...]
    failures: tuple[Failure, ...]
    fingerprints: dict[str, str]
    answers: tuple[Answered, ...] = ()
    spent: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        ids = [one.question for one in self.asked]
        if len(set(ids)) != len(ids) or len(set(self.systems)) != len(self.systems):
            raise EvaluationError("a measurement names a question or a system twice")
        if self.main not in self.systems or not {"golden", "evaluator"} <= self.fingerprints.keys():
            raise EvaluationError("a measurement lacks its main system or a fingerprint")
        if not {one.question for one in self.failures} | {one.question for one in self.leaks} <= set(ids):
            raise EvaluationError("a measurement has a leak or a failure of a question that was not asked")
        if not all(math.isfinite(row.value) for row in self.scores):
            raise EvaluationError("a measurement has a value that is not a finite number")
        rows = Counter((row.question, row.system, row.metric) for row in self.scores)
        wanted = {
            (one.question, system, name)
            for name in self.metrics
            for system in self.systems_of(name)
            for one in self.asked
            if one.is_in(_scope(name))
        }
        if (
            rows.keys() != wanted
            or any(count > 1 for count in rows.values())
            or (self.answerable and not rows)
        ):
            raise EvaluationError(
                "a measurement does not have exactly one value a question, system and metric"
            )
        if self.answers and [one.question for one in self.answers] != ids:
            raise EvaluationError("a measurement does not say of every question what was answered")

    @property
    def answerable(self) -> dict[str, str]:
        """The ids of the answerable questions, in the order asked, and their fingerprints."""
        return {one.question: one.fingerprint for one in self.asked if one.kind == "answerable"}

    def contents(self, metric: str) -> dict[str, str]:
        """The ids of the questions that ``metric`` has values for, in the order asked, and their fingerprints."""
        return {one.question: one.fingerprint for one in self.asked if one.is_in(_scope(metric))}

    def systems_of(self, metric: str) -> tuple[str, ...]:
        """The systems that ``metric`` is measured of."""
        ranked = metric not in METRICS or METRICS[metric].of == "ranking"
        return self.systems if ranked else (self.main,)

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of the questions by id."""
        return {one.question: one.tags for one in self.asked}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics, in the order measured; none when no question was answerable."""
        return tuple(dict.fromkeys(row.metric for row in self.scores))

    @property
    def failed(self) -> tuple[str, ...]:
        """The ids of the questions with a failure in any system, in the order asked."""
        failed = {one.question for one in self.failures}
        return tuple(one.question for one in self.asked if one.question in failed)

    def values(self, system: str, metric: str) -> dict[str, float]:
        """``{question: value}`` of those in its scope; ``EvaluationError`` when it was not measured."""
        found = {
            row.question: row.value for row in self.scores if (row.system, row.metric) == (system, metric)
        }
        if not found:
            raise EvaluationError(f"{metric} of {system} was not measured")
        return found

    def summary(
        self, system: str, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = SEED
    ) -> dict[str, Interval]:
        """``{metric: interval of its mean}``; empty when no question was answerable.

        Raises ``EvaluationError`` for a system that was not measured.
        """
        if system not in self.systems:
            raise EvaluationError(f"{system} was not measured; {', '.join(self.systems)} were")
        return {
            metric: bootstrap_interval(
                list(self.values(system, metric).values()), resamples, confidence, seed
            )
            for metric in self.metrics
            if system in self.systems_of(metric)
        }

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; ``from_dict`` turns them back into an equal measurement."""
        plain: dict[str, object] = _ADAPTER.dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> Measurement:
        """From ``to_dict``; raises ``EvaluationError`` naming the first place that is missing or wrong."""
        return from_plain(_ADAPTER, value, "measurement")


def _scope(metric: str) -> Scope:
    return METRICS[metric].scope if metric in METRICS else "answerable"


_ADAPTER: TypeAdapter[Measurement] = TypeAdapter[Any](Measurement)
