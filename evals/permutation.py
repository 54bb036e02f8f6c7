"""Whether paired differences could be luck: the sign-flip permutation test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evals.statistics import RESAMPLES, SEED
from rag.errors import EvaluationError

Alternative = Literal["less", "two-sided"]
EXACT = 12  # differences other than 0: their 4,096 flips are all tried
_CELLS = 4_000_000  # signs drawn at a time
_TIE = 1e-12  # of the sum of all absolute differences: sums nearer than that differ by rounding alone


def paired_permutation_p(
    differences: Sequence[float],
    resamples: int = RESAMPLES,
    seed: int = SEED,
    alternative: Alternative = "two-sided",
) -> float:
    """The chance, if each difference had come out with the other sign as easily, of a mean at least this extreme.

    ``less`` asks how often the mean would be as low as it is or lower; ``two-sided`` how often as far from 0.
    Exact where at most ``EXACT`` differences are other than 0; beyond that from ``resamples`` random flips, the
    one observed among them, so that it is above 0 and at most 1. The same arguments give the same value. Raises
    ``EvaluationError`` for no differences, one that is not finite, no resamples, or another alternative.

    Fisher, The Design of Experiments, 1935, section 21; Phipson and Smyth, Permutation p-values should never be
    zero, Statistical Applications in Genetics and Molecular Biology 9, 2010.

    >>> paired_permutation_p([-0.5, -0.25, -0.125, 0.0], alternative="less")
    0.125
    """
    if not differences:
        raise EvaluationError("there is no difference to test")
    if not all(math.isfinite(one) for one in differences):
        raise EvaluationError("a difference is not a finite number, so that it cannot be tested")
    if resamples < 1:
        raise EvaluationError(f"{resamples} resamples give no chance")
    if alternative not in ("less", "two-sided"):
        raise EvaluationError(f"{alternative!r} is no alternative; 'less' and 'two-sided' are")
    scale = max(abs(one) for one in differences)
    if scale == 0:
        return 1.0
    # as parts of the largest: the sum of differences near the largest float would be none
    moved = np.array([one / scale for one in differences if one != 0], dtype=np.float64)
    observed = math.fsum(moved.tolist())
    limit = observed if alternative == "less" else -abs(observed)
    slack = _TIE * float(np.abs(moved).sum())
    if len(moved) <= EXACT:
        chance = float(np.mean(_all_flips(len(moved)) @ moved <= limit + slack))
        # by symmetry as many flips give the opposite sum
        return chance if alternative == "less" else min(1.0, 2 * chance)
    found = _drawn_as_low(moved, limit + slack, resamples, seed, both=alternative == "two-sided")
    return (found + 1) / (resamples + 1)


def _all_flips(n: int) -> NDArray[np.int64]:
    """Every choice of signs for ``n`` differences: ``2**n`` rows of 1 and -1."""
    return 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)


def _drawn_as_low(moved: NDArray[np.float64], limit: float, resamples: int, seed: int, *, both: bool) -> int:
    """How many of ``resamples`` random flips have a sum of ``limit`` or less, or, with ``both``, of -``limit`` or
    more."""
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS // len(moved))
    found = 0
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        sums = (1.0 - 2.0 * generator.integers(0, 2, (size, len(moved)), dtype=np.int8)) @ moved
        found += int(((sums <= limit) | (both & (sums >= -limit))).sum())
    return found
