import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evals.prediction_powered import prediction_powered_mean, share_by_label
from evals.statistics import Interval
from rag.errors import EvaluationError

Values = NDArray[np.float64]
RUNS = 2_000


class Estimate(Protocol):
    def __call__(
        self, predictions: Sequence[float], labelled: Sequence[tuple[float, float]], confidence: float = ...
    ) -> Interval: ...


def scored(labels: Values, chance: np.random.Generator, noise: float = 0.25) -> Values:
    """A judge that is too strict by 0.2 for good answers, and noisy."""
    return np.clip(0.15 + 0.5 * labels + chance.normal(0, noise, labels.shape), 0, 1)


def drawn(share: float, size: tuple[int, int], chance: np.random.Generator) -> Values:
    return (chance.random(size) < share).astype(float)


def repeated(
    estimate: Estimate,
    share: float,
    n_labels: int,
    *,
    share_of_labels: float | None = None,
    noise: float = 0.25,
    confidence: float = 0.95,
) -> tuple[list[Interval], Values]:
    """Intervals for ``RUNS`` draws of labels and of 300 judged answers, and the scores of the latter."""
    chance = np.random.default_rng(23)
    truth = drawn(share, (RUNS, 300), chance)
    labels = drawn(share if share_of_labels is None else share_of_labels, (RUNS, n_labels), chance)
    predictions, judged = scored(truth, chance, noise), scored(labels, chance, noise)
    found = [
        estimate(p.tolist(), list(zip(j.tolist(), y.tolist(), strict=True)), confidence)
        for p, j, y in zip(predictions, judged, labels, strict=True)
    ]
    return found, predictions


def coverage(found: Sequence[Interval], truth: float) -> float:
    return sum(one.low <= truth <= one.high for one in found) / len(found)


def width(found: Sequence[Interval]) -> float:
    return sum(one.high - one.low for one in found) / len(found)


def test_a_judge_is_trusted_as_far_as_its_scores_go_with_the_labels() -> None:
    labelled = [(1.0, 1.0)] * 10 + [(0.0, 0.0)] * 10
    # scores and labels vary together by 5 / 19; all 120 scores vary by 7/12 * 5/12 * 120/119 = 0.24510;
    # trust is 0.26316 / (1 + 20 / 100) / 0.24510 = 0.89474, the labels' mean 0.5, the others' 0.1 higher
    assert prediction_powered_mean([1.0] * 60 + [0.0] * 40, labelled).mean == pytest.approx(
        0.589474, abs=1e-6
    )


def test_a_judge_without_opinions_leaves_the_labels_alone() -> None:
    found = prediction_powered_mean([0.5] * 200, [(0.5, 1.0)] * 15 + [(0.5, 0.0)] * 5)
    assert found.mean == 0.75
    # with four labels more 17 of 24 are 1, and vary by 17/24 * 7/23
    half = 1.959964 * math.sqrt(17 / 24 * 7 / 23 / 24)
    assert found.low == pytest.approx(17 / 24 - half, abs=1e-6)
    assert found.high == pytest.approx(17 / 24 + half, abs=1e-6)
    assert found.n == 200


def test_a_judge_that_is_the_wrong_way_round_is_not_trusted_at_all() -> None:
    labelled = [(0.1, 1.0)] * 12 + [(0.9, 0.0)] * 8
    assert prediction_powered_mean([0.9] * 50 + [0.1] * 50, labelled).mean == pytest.approx(0.6)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("n_labels", [60, 150])
def test_the_interval_covers_at_its_rate_where_the_judges_own_mean_does_not(
    share: float, n_labels: int
) -> None:
    found, predictions = repeated(prediction_powered_mean, share, n_labels)
    assert 0.93 <= coverage(found, share) <= 0.97
    half = 1.96 * predictions.std(axis=1, ddof=1) / math.sqrt(300)
    naive = np.abs(predictions.mean(axis=1) - share) <= half
    assert naive.mean() < 0.05


@pytest.mark.parametrize(("confidence", "least", "most"), [(0.8, 0.77, 0.84), (0.99, 0.98, 1.0)])
def test_it_covers_at_other_rates_too(confidence: float, least: float, most: float) -> None:
    found, _ = repeated(prediction_powered_mean, 0.7, 100, confidence=confidence)
    assert least <= coverage(found, 0.7) <= most


def test_with_few_labels_of_which_nearly_all_are_good_it_still_covers() -> None:
    found, _ = repeated(prediction_powered_mean, 0.95, 30)
    assert coverage(found, 0.95) >= 0.93


@pytest.mark.parametrize(("noise", "gain"), [(0.1, 0.75), (0.25, 0.85), (2.0, 1.01)])
def test_it_is_narrower_than_labels_alone_by_what_the_judge_knows_and_never_wider(
    noise: float, gain: float
) -> None:
    found, _ = repeated(prediction_powered_mean, 0.7, 100, noise=noise)
    # a constant judge adds nothing: the same interval from the labels alone
    alone, _ = repeated(
        lambda p, y, c=0.95: prediction_powered_mean([0.5] * 300, [(0.5, one) for _, one in y], c),
        0.7,
        100,
        noise=noise,
    )
    assert width(found) <= gain * width(alone)


def test_labels_with_a_share_of_good_answers_that_was_chosen_need_the_other_estimate() -> None:
    # nine answers in ten are good, and half of the labelled ones
    powered, _ = repeated(prediction_powered_mean, 0.9, 100, share_of_labels=0.5)
    assert coverage(powered, 0.9) < 0.5
    by_label, _ = repeated(share_by_label, 0.9, 100, share_of_labels=0.5)
    assert coverage(by_label, 0.9) >= 0.95


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8, 1.0])
def test_the_share_by_label_covers_at_its_rate_or_above(share: float) -> None:
    found, _ = repeated(share_by_label, share, 100, share_of_labels=0.5)
    assert coverage(found, share) >= 0.94
    assert width(found) < 0.35


def test_the_share_by_label_of_a_judge_of_yes_and_no_is_that_of_rogan_and_gladen() -> None:
    # 18 of 20 good ones and 4 of 20 bad ones pass: (0.55 - 0.2) / (0.9 - 0.2) = 0.5
    labelled = [(1.0, 1.0)] * 18 + [(0.0, 1.0)] * 2 + [(1.0, 0.0)] * 4 + [(0.0, 0.0)] * 16
    found = share_by_label([1.0] * 110 + [0.0] * 90, labelled)
    assert found.mean == pytest.approx(0.5)
    # one score of each more: 19 of 22 and 5 of 22. At an end the mean is 1.96 standard errors away.
    good, bad = 19 / 22, 5 / 22
    for end in (found.low, found.high):
        at = end * good + (1 - end) * bad
        of_good, of_bad = good * (1 - good) * 22 / 21, bad * (1 - bad) * 22 / 21
        spread = end * of_good + (1 - end) * of_bad + end * (1 - end) * (good - bad) ** 2
        error = math.sqrt(spread / 200 + end**2 * of_good / 22 + (1 - end) ** 2 * of_bad / 22)
        assert abs(0.55 - at) / error == pytest.approx(1.96, abs=0.02)


def test_a_judge_that_prefers_bad_answers_says_nothing_of_their_share() -> None:
    labelled = [(0.2, 1.0), (0.3, 1.0), (0.7, 0.0), (0.8, 0.0)] * 5
    assert share_by_label([0.2, 0.3] * 50, labelled) == Interval(0.5, 0.0, 1.0, 100)


def test_predictions_unlike_any_mixture_of_the_labelled_say_nothing_either() -> None:
    labelled = [(0.55, 1.0), (0.6, 1.0), (0.5, 0.0), (0.45, 0.0)] * 100
    found = share_by_label([1.0] * 400, labelled)
    assert (found.low, found.high) == (0.0, 1.0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=16, max_size=30),
)
def test_whatever_the_scores_the_interval_lies_in_0_to_1_around_its_mean(
    predictions: list[float], labelled: list[tuple[float, float]]
) -> None:
    labelled = [*labelled, (0.4, 0.0), (0.2, 0.0), (0.6, 1.0), (0.9, 1.0)]
    for estimate in (prediction_powered_mean, share_by_label):
        found = estimate(predictions, labelled)
        assert 0 <= found.low <= found.mean <= found.high <= 1
        assert found.low < found.high
        assert found.n == len(predictions)


@pytest.mark.parametrize("estimate", [prediction_powered_mean, share_by_label])
def test_nineteen_labels_are_too_few(estimate: Estimate) -> None:
    labelled = [(0.9, 1.0), (0.1, 0.0)] * 10
    assert estimate([0.5], labelled).n == 1
    with pytest.raises(EvaluationError, match="19 labels are too few"):
        estimate([0.5], labelled[:19])


@pytest.mark.parametrize("estimate", [prediction_powered_mean, share_by_label])
@pytest.mark.parametrize(
    ("predictions", "pair", "confidence", "match"),
    [
        ([], (0.5, 1.0), 0.95, "no prediction"),
        ([0.5, 1.1], (0.5, 1.0), 0.95, "0 to 1"),
        ([math.nan], (0.5, 1.0), 0.95, "0 to 1"),
        ([0.5], (-0.1, 1.0), 0.95, "0 to 1"),
        ([0.5], (0.5, math.nan), 0.95, "0 to 1"),
        ([0.5], (0.5, 1.0), 1.0, "confidence of 1"),
        ([0.5], (0.5, 1.0), math.nan, "confidence of nan"),
    ],
)
def test_values_out_of_range_are_an_error(
    estimate: Estimate, predictions: list[float], pair: tuple[float, float], confidence: float, match: str
) -> None:
    with pytest.raises(EvaluationError, match=match):
        estimate(predictions, [(0.9, 1.0), (0.1, 0.0)] * 12 + [pair], confidence)


def test_a_share_needs_labels_of_0_and_1_and_two_of_each() -> None:
    with pytest.raises(EvaluationError, match="neither 0 nor 1"):
        share_by_label([0.5], [(0.9, 1.0), (0.1, 0.5)] * 12)
    with pytest.raises(EvaluationError, match="fewer than two"):
        share_by_label([0.5], [(0.9, 1.0)] * 20 + [(0.1, 0.0)])
