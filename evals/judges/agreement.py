"""How scores agree with labels: what is computed from pairs of a score, 0 to 1, and whether a person said grounded.

Every function takes at least one pair of each label.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.statistics import CONFIDENCE, RESAMPLES, SEED, Interval
from rag.errors import EvaluationError

THRESHOLD = 0.5
BINS = 10
_CELLS = 4_000_000  # counts drawn at a time

Pair = tuple[float, bool]


@dataclass(frozen=True, slots=True)
class Bin:
    """The ``n`` answers scored from ``low`` to below ``high`` (1 belongs to the last): their mean score, and the
    share of them that people called grounded."""

    low: float
    high: float
    mean_score: float
    share_grounded: float
    n: int


def auroc(
    pairs: Sequence[Pair], resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = SEED
) -> Interval:
    """The chance that a grounded answer scores higher than one that is not, ties counted half, with its interval.

    0.5 is chance, 1 perfect, below 0.5 the wrong way round. The interval is a percentile bootstrap over answers,
    grounded and not drawn apart; it has no width where the scores separate the two without a fault. Raises
    ``EvaluationError`` for arguments that give no interval.

    Hanley and McNeil, The meaning and use of the area under a receiver operating characteristic (ROC) curve,
    Radiology 143, 1982.
    """
    if resamples < 1 or not 0 < confidence < 1:
        raise EvaluationError(f"{resamples} resamples at confidence {confidence} give no interval")
    scores, labels = (np.array(column) for column in zip(*pairs, strict=True))
    # resampling answers is drawing how often each distinct score is had
    _, place = np.unique(scores, return_inverse=True)
    grounded = np.bincount(place[labels], minlength=place.max() + 1)
    other = np.bincount(place[~labels], minlength=place.max() + 1)
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS // len(grounded))
    drawn = np.empty(resamples)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn[start : start + size] = _area(
            _redrawn(generator, grounded, size), _redrawn(generator, other, size)
        )
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    area = float(_area(grounded[None, :], other[None, :])[0])
    return Interval(area, float(low), float(high), len(pairs))


def balanced_accuracy(pairs: Sequence[Pair]) -> float:
    """The mean of the shares of grounded answers scored at least ``THRESHOLD`` and of others scored below it."""
    right, wrong, missed, kept_out = _table(pairs)
    return (right / (right + missed) + kept_out / (kept_out + wrong)) / 2


def kappa(pairs: Sequence[Pair]) -> float:
    """Agreement at ``THRESHOLD`` beyond chance, from -1 to 1.

    Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20, 1960.
    """
    right, wrong, missed, kept_out = _table(pairs)
    n = len(pairs)
    by_chance = ((right + wrong) * (right + missed) + (kept_out + missed) * (kept_out + wrong)) / n**2
    return ((right + kept_out) / n - by_chance) / (1 - by_chance)


def reliability_curve(pairs: Sequence[Pair]) -> tuple[Bin, ...]:
    """The answers in ten bins of equal width by score; bins without an answer are left out."""
    filled: dict[int, list[Pair]] = {}
    for score, label in pairs:
        filled.setdefault(min(BINS - 1, int(score * BINS)), []).append((score, label))
    return tuple(
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            mean_score=math.fsum(score for score, _ in found) / len(found),
            share_grounded=sum(label for _, label in found) / len(found),
            n=len(found),
        )
        for place, found in sorted(filled.items())
    )


def expected_calibration_error(curve: Sequence[Bin]) -> float:
    """How far the mean score of a bin is from its share of grounded answers, on average over answers; 0 is best.

    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    """
    n = sum(one.n for one in curve)
    return math.fsum(one.n * abs(one.mean_score - one.share_grounded) for one in curve) / n


def brier(pairs: Sequence[Pair]) -> float:
    """The mean squared distance of score and label (1 for grounded); 0 is best.

    Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78, 1950.
    """
    return math.fsum((score - label) ** 2 for score, label in pairs) / len(pairs)


def _table(pairs: Sequence[Pair]) -> tuple[int, int, int, int]:
    """Grounded and taken for it, taken for grounded wrongly, grounded and missed, rightly kept out."""
    right = sum(label and score >= THRESHOLD for score, label in pairs)
    wrong = sum(not label and score >= THRESHOLD for score, label in pairs)
    missed = sum(label and score < THRESHOLD for score, label in pairs)
    return right, wrong, missed, len(pairs) - right - wrong - missed


def _redrawn(generator: np.random.Generator, counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """``size`` resamples of answers of which ``counts`` have each score: how many have it then."""
    n = int(counts.sum())
    return generator.multinomial(n, counts / n, size=size)


def _area(grounded: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """The area for each row of counts by rising score."""
    below = np.cumsum(other, axis=1) - other / 2
    wins = (grounded * below).sum(axis=1)
    area: NDArray[np.float64] = wins / (grounded.sum(axis=1) * other.sum(axis=1))
    return area
