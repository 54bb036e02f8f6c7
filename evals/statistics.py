"""How sure a mean is: percentile bootstrap intervals, and how they are taken together.

Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.errors import EvaluationError

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 0
_CELLS = 4_000_000  # values drawn at a time: 64 MB however many questions and resamples


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over ``n`` values, and the ends ``low`` and ``high`` of its confidence interval.

    ``p_not_below``: the share of resampled means that are 0 or more, with one added that is. ``spread`` is the
    standard deviation of the values.
    """

    mean: float
    low: float
    high: float
    n: int
    p_not_below: float = 1.0
    spread: float = 0.0


def bootstrap_interval(
    values: Sequence[float], resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = SEED
) -> Interval:
    """The mean of ``values`` with its percentile bootstrap interval: the same for the same arguments.

    ``confidence`` lies between 0 and 1. One value, or all values equal, gives an interval of no width. Raises
    ``EvaluationError`` for no values, a value that is not finite, or arguments out of range.
    """
    if not values:
        raise EvaluationError("there is no value to take a mean of")
    if resamples < 1 or not 0 < confidence < 1:
        raise EvaluationError(f"{resamples} resamples at confidence {confidence} give no interval")
    sample = np.asarray(values, dtype=np.float64)
    if not np.isfinite(sample).all():
        raise EvaluationError("a value is not a finite number, so that it has no mean")
    mean = math.fsum(values) / len(values)  # exactly rounded: ten times 0.6 has the mean 0.6
    if (sample == sample[0]).all():
        return Interval(mean, mean, mean, len(values), 1.0 if mean >= 0 else 1 / (resamples + 1))
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS // len(values))
    means = np.empty(resamples)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        means[start : start + size] = sample[generator.integers(0, len(values), (size, len(values)))].mean(
            axis=1
        )
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    not_below = (1 + int((means >= 0).sum())) / (resamples + 1)
    return Interval(mean, float(low), float(high), len(values), not_below, float(sample.std(ddof=1)))


def paired_difference(
    a: Mapping[str, float],
    b: Mapping[str, float],
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Interval:
    """The mean of ``a[id] - b[id]`` over the ids in both, with its interval; ``EvaluationError`` for none.

    Whole pairs are drawn, so that what makes a question easy for both does not widen the interval.
    """
    both = sorted(a.keys() & b.keys())
    if not both:
        raise EvaluationError("the two measurements share no question")
    return bootstrap_interval([a[one] - b[one] for one in both], resamples, confidence, seed)


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which hypotheses are rejected so that the chance of one false rejection among all is at most ``alpha``.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    rejected = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        if p_values[place] > alpha / (len(p_values) - rank):
            break
        rejected[place] = True
    return rejected
