"""How often intervals hold the true mean of values as golden questions have them: few distinct, many 0 and 1."""

import numpy as np
import pytest
from numpy.typing import NDArray

from evals.statistics import bootstrap_interval

Values = NDArray[np.float64]

# nDCG@10 of one relevant document at rank 1, 2, 3, 5, 10, or not found
GRADES = np.array([1.0, 0.6309, 0.5, 0.3869, 0.2891, 0.0])
SHARES = np.array([0.62, 0.12, 0.06, 0.05, 0.03, 0.12])
# of a change seven questions in ten notice nothing
CHANGES = np.array([0.0, 0.3691, -0.3691, 0.1309, -0.1309, 1.0, -1.0, 0.5])
CHANCES = np.array([0.70, 0.06, 0.08, 0.05, 0.05, 0.02, 0.03, 0.01])
RUNS = 2_000


def coverage(values: Values, chances: Values, n: int) -> float:
    truth = float(values @ chances)
    drawn = np.random.default_rng(17).choice(values, (RUNS, n), p=chances)
    found = [bootstrap_interval(row.tolist(), resamples=500, seed=seed) for seed, row in enumerate(drawn)]
    return sum(one.low <= truth <= one.high for one in found) / RUNS


@pytest.mark.parametrize("n", [100, 300])
def test_scores_of_few_values_with_many_at_the_ends_are_covered_at_their_rate(n: int) -> None:
    assert 0.93 <= coverage(GRADES, SHARES, n) <= 0.97


@pytest.mark.parametrize("n", [100, 300])
def test_differences_of_which_seven_in_ten_are_nothing_are_covered_at_their_rate(n: int) -> None:
    assert 0.93 <= coverage(CHANGES, CHANCES, n) <= 0.97
