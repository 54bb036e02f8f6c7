"""Measurements made out of measurements: with noise in every ranking, and of other questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evals.evaluate import Search, evaluate
from evals.gate import Bar, Candidate, CorpusState, GatePolicy, Verdict, decide
from evals.golden import GoldenSet
from evals.measurement import Measurement
from rag.retrieval import Retriever
from rag.retrieval.retriever import Mode

_PASSAGES = 100
_DEPTH = 10
_MODES: tuple[Mode, ...] = ("fused", "dense", "sparse")
Scored = Mapping[str, float]
"""Documents by their best passage's score."""


@dataclass
class Tally:
    """How often each decision was made, and by which checks it was not to promote."""

    decisions: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        self.decisions[verdict.decision] += 1
        self.checks.update(
            f"{one.name} {one.outcome}" for one in verdict.checks if one.outcome == verdict.decision
        )

    def share(self, decision: str) -> float:
        return self.decisions[decision] / max(1, self.decisions.total())

    def __str__(self) -> str:
        shares = ", ".join(f"{self.share(one):6.1%} {one}" for one in ("block", "hold", "promote"))
        return f"{shares} of {self.decisions.total()}"


def by_scores_alone(policy: GatePolicy, measurement: Measurement, incumbent: Measurement) -> Verdict:
    """The gate's verdict where nothing but the scores can speak against a candidate."""
    state = CorpusState(indexed=1, expected=1, active=1)
    return decide(policy, Candidate(2, 1, 1, measurement, state), incumbent)


def without_floors(policy: GatePolicy) -> GatePolicy:
    """``policy`` that compares only: of few questions the mean is above or below a floor by their choice."""
    return replace(policy, metrics={name: Bar(margin=bar.margin) for name, bar in policy.metrics.items()})


def of_questions(measurement: Measurement, ids: Sequence[str]) -> Measurement:
    """The measurement as it would be of these questions; one that is drawn again is another one."""
    names: list[tuple[str, str]] = []
    drawn: Counter[str] = Counter()
    for id in ids:
        names.append((id, f"{id} {drawn[id]}"))
        drawn[id] += 1
    asked = {one.question: one for one in measurement.asked}
    rows = {(one.question, one.system, one.metric): one for one in measurement.scores}
    kinds = dict.fromkeys((one.system, one.metric) for one in measurement.scores)
    return replace(
        measurement,
        asked=tuple(replace(asked[id], question=name) for id, name in names),
        scores=tuple(replace(rows[id, *kind], question=name) for kind in kinds for id, name in names),
        leaks=(),
        failures=(),
        answers=(),
    )


def differ(policy: GatePolicy, one: Measurement, other: Measurement) -> bool:
    """Whether any question has another value of a metric that decides."""
    return any(one.values(one.main, name) != other.values(other.main, name) for name in policy.metrics)


def scores_of(retriever: Retriever, golden: GoldenSet, version: int) -> dict[str, dict[str, Scored]]:
    """``{system: {question: its documents}}``."""
    found: dict[str, dict[str, Scored]] = {mode: {} for mode in _MODES}
    for mode in _MODES:
        for one in golden.questions:
            hits = retriever.search(
                one.question, principal=one.principal, limit=_PASSAGES, version=version, mode=mode
            )
            best: dict[str, float] = {}
            for hit in hits:
                best.setdefault(hit.document, hit.score)
            found[mode][one.question] = best
    return found


def with_noise(
    golden: GoldenSet,
    scores: Mapping[str, Mapping[str, Scored]],
    baseline: Mapping[str, Sequence[str]],
    size: float,
    chance: np.random.Generator,
) -> Measurement:
    """Every document's score times e to the power of a normal number of this ``size``; ``baseline`` as it is."""

    def noisy(of_question: Mapping[str, Scored]) -> Search:
        def search(question: str, *, principal: str, limit: int) -> Sequence[str]:
            found = of_question[question]
            if not found:
                return []
            moved = np.array(list(found.values())) * np.exp(chance.normal(0, size, len(found)))
            names = list(found)
            return [names[place] for place in np.argsort(-moved, kind="stable")[:limit]]

        return search

    def plain(question: str, *, principal: str, limit: int) -> Sequence[str]:
        return baseline[question][:limit]

    systems: dict[str, Search] = {mode: noisy(of_question) for mode, of_question in scores.items()}
    return evaluate(
        golden, {**systems, "bm25": plain}, main="fused", may_read=lambda _who, _what: True, limit=_DEPTH
    )


def rankings_of(search: Search, golden: GoldenSet) -> dict[str, Sequence[str]]:
    """``{question: its documents}``, best first."""
    return {
        one.question: search(one.question, principal=one.principal, limit=_DEPTH) for one in golden.questions
    }
