import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.permutation import Alternative, paired_permutation_p
from rag.errors import EvaluationError

BOTH: tuple[Alternative, ...] = ("less", "two-sided")
eighths = st.integers(-8, 8).map(lambda k: k / 8)  # their sums are exact: ties are ties for scipy too


def test_three_falls_of_three_are_one_flip_of_eight() -> None:
    # Of the 8 ways to choose signs one is as low, and two are as far from 0.
    assert paired_permutation_p([-0.5, -0.25, -0.125], alternative="less") == 1 / 8
    assert paired_permutation_p([-0.5, -0.25, -0.125]) == 2 / 8
    assert paired_permutation_p([0.5, 0.25, 0.125], alternative="less") == 1.0


def test_questions_that_did_not_change_change_nothing() -> None:
    assert paired_permutation_p([-0.5, 0.0, -0.25, 0.0] + [0.0] * 200, alternative="less") == 1 / 4


def test_no_difference_at_all_is_no_evidence() -> None:
    assert paired_permutation_p([0.0] * 50) == 1.0
    assert paired_permutation_p([0.5, -0.5] * 20) == 1.0


@pytest.mark.parametrize("alternative", BOTH)
@settings(deadline=None, max_examples=60)
@given(values=st.lists(eighths, min_size=2, max_size=10))
def test_exact_values_agree_with_scipy(alternative: Alternative, values: list[float]) -> None:
    theirs = scipy.stats.permutation_test(
        (np.array(values), np.zeros(len(values))),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        alternative=alternative,
    )
    assert paired_permutation_p(values, alternative=alternative) == pytest.approx(theirs.pvalue, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-60, 60), min_size=1, max_size=9), st.sampled_from([3, 7, 10, 60]))
def test_sums_that_differ_by_rounding_alone_are_ties(parts: list[int], of: int) -> None:
    flips = list(itertools.product((1, -1), repeat=len(parts)))
    sums = [Fraction(sum(sign * part for sign, part in zip(one, parts, strict=True)), of) for one in flips]
    as_low = sum(one <= sums[0] for one in sums) / len(sums)
    as_far = sum(abs(one) >= abs(sums[0]) for one in sums) / len(sums)
    values = [part / of for part in parts]
    assert paired_permutation_p(values, alternative="less") == as_low
    assert paired_permutation_p(values) == as_far


@pytest.mark.parametrize("alternative", BOTH)
@pytest.mark.parametrize("shift", [-0.06, -0.02, 0.0, 0.03])
def test_drawn_values_agree_with_scipy_within_monte_carlo_error(
    alternative: Alternative, shift: float
) -> None:
    chance = np.random.default_rng(5)
    values = np.where(chance.random(120) < 0.7, 0.0, chance.normal(shift * 3, 0.3, 120))
    ours = paired_permutation_p(values.tolist(), 20_000, seed=1, alternative=alternative)
    theirs = scipy.stats.permutation_test(
        (values, np.zeros(120)),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        alternative=alternative,
        rng=2,
    )
    error = math.sqrt(2 * ours * (1 - ours) / 20_000)
    assert ours == pytest.approx(theirs.pvalue, abs=5 * error + 2 / 20_001)


@pytest.mark.parametrize("alternative", BOTH)
def test_drawn_flips_agree_with_all_of_them_where_both_can_be_had(alternative: Alternative) -> None:
    values = [-0.5, 0.25, -0.375, 0.125, -1.0, -0.25, 0.5, -0.125, 0.75, -0.625, 0.375, -0.875]
    exact = paired_permutation_p(values, alternative=alternative)
    assert exact * 4096 == round(exact * 4096)
    # a thirteenth of nearly nothing puts the same question to random flips
    drawn = paired_permutation_p([*values, 1e-13], 40_000, alternative=alternative)
    assert drawn == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / 40_000))


def test_a_drawn_chance_is_never_nothing() -> None:
    assert paired_permutation_p([-1.0] * 60, resamples=99, alternative="less") == 0.01
    assert paired_permutation_p([-1.0] * 60, resamples=99) == 0.01


def test_it_rejects_no_oftener_than_it_says_when_nothing_changed() -> None:
    chance = np.random.default_rng(11)
    size = (1500, 60)
    changes = chance.choice([0.37, 0.63, 1.0], size) * (chance.random(size) < 0.3)
    values = changes * chance.choice([-1, 1], size)
    low = [paired_permutation_p(row.tolist(), 400, seed, "less") for seed, row in enumerate(values)]
    # 75 expected, with a standard deviation of 8
    assert 50 <= sum(p <= 0.05 for p in low) <= 100


def test_flips_that_do_not_fit_in_one_draw_count_too() -> None:
    values = np.random.default_rng(2).normal(-0.01, 0.5, 5_000)
    found = paired_permutation_p(values.tolist(), resamples=2_000, alternative="less")
    by_normal = scipy.stats.norm.cdf(values.sum() / math.sqrt(float((values**2).sum())))
    assert found == pytest.approx(by_normal, abs=5 * math.sqrt(by_normal * (1 - by_normal) / 2_000) + 0.002)


def test_the_same_arguments_give_the_same_value_and_another_seed_another() -> None:
    values = np.random.default_rng(1).normal(-0.1, 0.5, 40).tolist()
    assert paired_permutation_p(values, 500, 3) == paired_permutation_p(values, 500, 3)
    assert len({paired_permutation_p(values, 500, seed) for seed in range(8)}) > 1


@pytest.mark.parametrize("scale", [1e-320, 1e300])
def test_the_size_of_the_differences_does_not_matter(scale: float) -> None:
    assert paired_permutation_p([-scale, -scale, -scale], alternative="less") == 1 / 8


@pytest.mark.parametrize(
    ("values", "resamples", "alternative", "match"),
    [
        ([], 10, "less", "no difference"),
        ([0.1, math.nan], 10, "less", "finite"),
        ([0.1, -math.inf], 10, "less", "finite"),
        ([0.1], 0, "less", "0 resamples"),
        ([0.1], 10, "greater", "'greater' is no alternative"),
    ],
)
def test_what_cannot_be_tested_is_an_error(
    values: list[float], resamples: int, alternative: Alternative, match: str
) -> None:
    with pytest.raises(EvaluationError, match=match):
        paired_permutation_p(values, resamples, alternative=alternative)
