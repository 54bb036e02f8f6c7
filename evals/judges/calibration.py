"""How far a judge can be believed: its scores against what people said of the same answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from evals.judges.agreement import (
    THRESHOLD,
    Bin,
    Pair,
    auroc,
    balanced_accuracy,
    brier,
    expected_calibration_error,
    kappa,
    reliability_curve,
)
from evals.judges.labels import LabelledSet
from evals.judges.port import Judge, JudgeFailure, Judgement
from evals.plain import from_plain
from evals.statistics import CONFIDENCE, RESAMPLES, SEED, Interval
from rag.answering.port import Usage
from rag.errors import EvaluationError

METRIC = "Faithfulness"
MIN_LABELS = 30
MIN_OF_EACH = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge against the labels of ``n`` answers, of which ``n_grounded`` are grounded.

    ``pairs`` are score and label, in the order of the labels. An answer without a score, at a place in ``failed``,
    has the one that is most wrong: 0 if it is grounded, else 1. ``auroc`` is the chance that a grounded answer
    scores higher than one that is not, with its interval at ``confidence``. ``balanced_accuracy`` and ``kappa``
    take scores of 0.5 and more for grounded. ``curve`` leaves out bins without an answer.
    ``calibration_error`` and ``brier`` are 0 at best and 1 at worst; a judge may order answers well and be far off
    in both. ``usage`` is what it took.
    """

    judge: str
    judge_fingerprint: str
    labels_fingerprint: str
    n: int
    n_grounded: int
    failed: tuple[int, ...]
    auroc: Interval
    confidence: float
    threshold: float
    balanced_accuracy: float
    kappa: float
    curve: tuple[Bin, ...]
    calibration_error: float
    brier: float
    pairs: tuple[Pair, ...]
    usage: Usage

    def __post_init__(self) -> None:
        numbers = [self.auroc.mean, self.auroc.low, self.auroc.high, self.kappa, self.usage.cost]
        if not all(math.isfinite(one) for one in numbers):
            raise EvaluationError("a calibration has a value that is not a finite number")
        if not all(0 <= score <= 1 for score, _ in self.pairs):
            raise EvaluationError("a calibration has a score that is not from 0 to 1")
        if self.n != len(self.pairs) or self.n_grounded != sum(label for _, label in self.pairs):
            raise EvaluationError("a calibration does not have one pair for each label")
        if sorted(set(self.failed)) != list(self.failed) or not set(self.failed) <= set(range(self.n)):
            raise EvaluationError("a calibration has a failure of an answer that was not judged")

    @property
    def failures(self) -> int:
        """How many answers the judge gave no score."""
        return len(self.failed)

    @property
    def pairs_as_measured(self) -> tuple[tuple[float, float], ...]:
        """``pairs`` with 0 for an answer without a score, as it counts in a measurement, and labels of 0 or 1."""
        failed = set(self.failed)
        return tuple(
            (0.0 if place in failed else score, float(label))
            for place, (score, label) in enumerate(self.pairs)
        )

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; ``from_dict`` turns them back into an equal calibration."""
        plain: dict[str, object] = _ADAPTER.dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> Calibration:
        """From ``to_dict``; raises ``EvaluationError`` naming the first place that is missing or wrong."""
        return from_plain(_ADAPTER, value, "calibration")


_ADAPTER: TypeAdapter[Calibration] = TypeAdapter[Any](Calibration)


def calibrate(
    judge: Judge,
    labelled: LabelledSet,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Calibration:
    """``judge`` over all labelled answers, by its Faithfulness.

    A failure, no Faithfulness, or one that is not from 0 to 1 is an answer without a score. Raises
    ``EvaluationError`` for labels all of one kind, a judge that gives more or fewer verdicts than there are
    answers, or arguments that give no interval.
    """
    labels = [one.grounded for one in labelled.items]
    if len(set(labels)) < 2:
        raise EvaluationError("labels all of one kind calibrate no judge")
    verdicts = judge.judge([one.case for one in labelled.items])
    if len(verdicts) != len(labels):
        raise EvaluationError(f"{judge.name} gave {len(verdicts)} verdicts on {len(labels)} answers")
    return from_scores(
        judge,
        labelled.fingerprint,
        [_score(one) for one in verdicts],
        labels,
        usage=sum((one.usage for one in verdicts), Usage()),
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )


def from_scores(
    judge: Judge,
    labels_fingerprint: str,
    scores: Sequence[float | None],
    labels: Sequence[bool],
    *,
    usage: Usage = Usage(),  # noqa: B008  frozen
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Calibration:
    """The calibration of ``judge`` by what it gave, in the order of the labels: None where it gave nothing."""
    pairs = [
        (float(not label) if score is None else score, label)
        for score, label in zip(scores, labels, strict=True)
    ]
    curve = reliability_curve(pairs)
    return Calibration(
        judge=judge.name,
        judge_fingerprint=judge.fingerprint,
        labels_fingerprint=labels_fingerprint,
        n=len(pairs),
        n_grounded=sum(labels),
        failed=tuple(place for place, score in enumerate(scores) if score is None),
        auroc=auroc(pairs, resamples, confidence, seed),
        confidence=confidence,
        threshold=THRESHOLD,
        balanced_accuracy=balanced_accuracy(pairs),
        kappa=kappa(pairs),
        curve=curve,
        calibration_error=expected_calibration_error(curve),
        brier=brier(pairs),
        pairs=tuple(pairs),
        usage=usage,
    )


def why_no_vote(calibration: Calibration | None, judge_fingerprint: str, floor: float) -> str | None:
    """Why the judge with this fingerprint may not vote in the gate, a sentence, or None if it may.

    Its AUROC itself, not the low end of its interval, is held against ``floor``, 0 to 1: with a hundred labels the
    low end lies about 0.08 lower, and would say how many labels there are more than how good the judge is. Against
    luck with few labels stand at least 30, and 5 of either kind.
    """
    if calibration is None:
        return "the judge is not calibrated"
    if calibration.judge_fingerprint != judge_fingerprint:
        return "the judge changed after it was calibrated"
    if calibration.n < MIN_LABELS:
        return f"it is calibrated by {calibration.n} labels; {MIN_LABELS} are needed"
    if (rarer := min(calibration.n_grounded, calibration.n - calibration.n_grounded)) < MIN_OF_EACH:
        return f"it is calibrated by {rarer} labels of one kind; {MIN_OF_EACH} are needed"
    if not calibration.auroc.mean >= floor:
        return f"its AUROC of {calibration.auroc.mean:.3f} is below the floor of {floor:g}"
    return None


def _score(verdict: Judgement | JudgeFailure) -> float | None:
    score = verdict.scores.get(METRIC) if isinstance(verdict, Judgement) else None
    return float(score) if score is not None and 0 <= score <= 1 else None
