import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.statistics import Interval, bootstrap_interval, holm, paired_difference
from rag.errors import EvaluationError

finite = st.floats(-1, 1)


def test_the_interval_agrees_with_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(7).beta(0.7, 0.4, 60)
    ours = bootstrap_interval(values.tolist(), resamples=20_000, confidence=0.9, seed=1)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=0.9, method="percentile", rng=2
    ).confidence_interval
    # the standard error is 0.05, that of a 5 % quantile over 20,000 resamples a hundredth of it
    assert ours.low == pytest.approx(theirs.low, abs=0.004)
    assert ours.high == pytest.approx(theirs.high, abs=0.004)
    assert ours.mean == pytest.approx(values.mean())


def test_resamples_that_do_not_fit_in_one_draw_agree_too() -> None:
    values = np.random.default_rng(7).random(9_000)
    ours = bootstrap_interval(values.tolist(), resamples=1_000, seed=1)
    error = values.std() / math.sqrt(9_000)
    assert ours.low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert ours.high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)


def test_the_same_arguments_give_the_same_interval_and_another_seed_another() -> None:
    values = [0.1, 0.5, 0.9, 1.0]
    assert bootstrap_interval(values, 500, 0.95, 3) == bootstrap_interval(values, 500, 0.95, 3)
    assert bootstrap_interval([*values, 0.33, 0.71], 50, 0.9, 3) != bootstrap_interval(
        [*values, 0.33, 0.71], 50, 0.9, 4
    )


def test_a_single_value_and_equal_values_give_an_interval_of_no_width() -> None:
    assert bootstrap_interval([0.4]) == Interval(0.4, 0.4, 0.4, 1)
    assert bootstrap_interval([0.6] * 10) == Interval(0.6, 0.6, 0.6, 10)
    assert bootstrap_interval([-0.6] * 10, resamples=99) == Interval(-0.6, -0.6, -0.6, 10, 0.01)


def test_the_chance_of_not_being_below_nothing_is_that_of_drawing_so() -> None:
    # A resample of -1, 0, 0 is not below 0 when -1 is never drawn: (2 / 3)³ = 0.296.
    found = bootstrap_interval([-1.0, 0.0, 0.0], resamples=20_000)
    assert found.p_not_below == pytest.approx(8 / 27, abs=0.01)
    assert found.spread == pytest.approx(math.sqrt(1 / 3))
    assert bootstrap_interval([0.1, 0.2]).p_not_below == 1.0


@pytest.mark.parametrize("skewed", [False, True])
def test_intervals_cover_at_their_rate(skewed: bool) -> None:
    chance = np.random.default_rng(3)
    covered = 0
    for seed in range(1000):
        values = chance.beta(3, 1, 150) if skewed else chance.normal(0.75, 0.2, 150)
        found = bootstrap_interval(values.tolist(), resamples=400, seed=seed)
        covered += found.low <= 0.75 <= found.high
    assert 930 <= covered <= 970


def test_holm_rejects_the_smallest_first_and_stops_at_the_first_that_holds() -> None:
    # 0.05 / 4 = 0.0125, / 3 = 0.0167, / 2 = 0.025.
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([0.02, 0.02], 0.03) == [False, False]
    assert holm([0.015, 0.03], 0.03) == [True, True]
    assert holm([], 0.05) == []


def test_no_values_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="no value"):
        bootstrap_interval([])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_an_error(value: float) -> None:
    with pytest.raises(EvaluationError, match="finite"):
        bootstrap_interval([0.5, value])


@pytest.mark.parametrize(("resamples", "confidence"), [(0, 0.95), (100, 0.0), (100, 1.0), (100, math.nan)])
def test_arguments_that_give_no_interval_are_an_error(resamples: int, confidence: float) -> None:
    with pytest.raises(EvaluationError, match="no interval"):
        bootstrap_interval([0.5], resamples, confidence)


def test_a_difference_is_paired_by_id_over_what_both_have() -> None:
    a = {"x": 0.9, "y": 0.3, "only a": 1.0}
    b = {"only b": 0.0, "y": 0.2, "x": 0.8}
    found = paired_difference(a, b)
    assert found.mean == pytest.approx(0.1)  # unpaired it would be 0.4
    assert found.n == 2
    assert found.high - found.low < 1e-9


def test_measurements_without_a_common_question_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="share no question"):
        paired_difference({"x": 1.0}, {"y": 1.0})


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), finite, min_size=1, max_size=20))
def test_the_difference_to_oneself_is_exactly_nothing(values: dict[str, float]) -> None:
    assert paired_difference(values, values) == Interval(0.0, 0.0, 0.0, len(values))


@settings(deadline=None)
@given(st.lists(finite, min_size=1, max_size=30))
def test_the_interval_lies_within_the_values(values: list[float]) -> None:
    found = bootstrap_interval(values, resamples=200)
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12
    assert found.mean == pytest.approx(sum(values) / len(values), abs=1e-12)
