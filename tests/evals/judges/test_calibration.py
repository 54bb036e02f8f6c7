import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.judges.agreement import (
    Bin,
    Pair,
    auroc,
    balanced_accuracy,
    brier,
    expected_calibration_error,
    kappa,
    reliability_curve,
)
from evals.judges.calibration import Calibration, calibrate, why_no_vote
from evals.judges.labels import Labelled, LabelledSet
from evals.judges.port import Case, JudgeFailure, Judgement
from evals.statistics import Interval
from rag.answering.port import Usage
from rag.errors import EvaluationError

Verdict = Judgement | JudgeFailure


class Scripted:
    """Gives these verdicts, whatever it is asked: the port, without a model behind it."""

    name = "scripted"
    fingerprint = "f1"
    metrics = ("Faithfulness",)

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = verdicts
        self.asked: list[str] = []

    def judge(self, cases: Sequence[Case]) -> list[Verdict]:
        self.asked += [case.answer for case in cases]
        return list(self.verdicts)


def said(score: float) -> Judgement:
    return Judgement({"Faithfulness": score}, Usage(1, 100, 10, 0.01))


def labels(*grounded: bool) -> LabelledSet:
    return LabelledSet(
        tuple(
            Labelled(Case("why?", f"answer {number}", ("a passage",)), one, f"labels.jsonl:{number}")
            for number, one in enumerate(grounded, start=1)
        )
    )


def calibrated(scores: Sequence[float], grounded: Sequence[bool]) -> Calibration:
    return calibrate(Scripted([said(one) for one in scores]), labels(*grounded), resamples=200)


def good_one() -> Calibration:
    """36 answers: of nine kinds of comparison six are won, two are ties, one is lost."""
    return calibrated([0.9, 0.7, 0.7, 0.3, 0.3, 0.1] * 6, [True, True, False, True, False, False] * 6)


# scores of few distinct values, so that ties are common, and both labels
pairs_of_both = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.99, 1.0]) | st.floats(0, 1), st.booleans()),
    min_size=2,
    max_size=40,
).filter(lambda pairs: 0 < sum(label for _, label in pairs) < len(pairs))


@settings(deadline=None, max_examples=150)
@given(pairs_of_both)
def test_what_is_said_of_a_judge_agrees_with_scikit_learn(pairs: list[Pair]) -> None:
    scores = [score for score, _ in pairs]
    truth = [label for _, label in pairs]
    taken = [score >= 0.5 for score in scores]
    assert auroc(pairs, 20).mean == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores), abs=1e-12)
    assert balanced_accuracy(pairs) == pytest.approx(
        sklearn.metrics.balanced_accuracy_score(truth, taken), abs=1e-12
    )
    assert kappa(pairs) == pytest.approx(sklearn.metrics.cohen_kappa_score(truth, taken), abs=1e-12)
    assert brier(pairs) == pytest.approx(sklearn.metrics.brier_score_loss(truth, scores), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(pairs_of_both)
def test_every_answer_is_in_one_bin_and_the_interval_around_the_area_in_0_to_1(pairs: list[Pair]) -> None:
    curve = reliability_curve(pairs)
    assert sum(one.n for one in curve) == len(pairs)
    assert all(one.low - 1e-12 <= one.mean_score <= one.high + 1e-12 for one in curve)
    assert 0 <= expected_calibration_error(curve) <= 1
    found = auroc(pairs, 50)
    assert 0 <= found.low <= found.high <= 1


def test_of_four_pairs_of_good_and_bad_one_is_the_wrong_way_round_and_one_a_tie() -> None:
    # 0.8 beats both, 0.4 ties with 0.4 and loses to 0.6
    pairs = [(0.8, True), (0.4, True), (0.6, False), (0.4, False)]
    assert auroc(pairs).mean == (1 + 1 + 0 + 0.5) / 4
    # at 0.5: one of two good ones taken, one of two bad ones kept out: what chance gives
    assert balanced_accuracy(pairs) == 0.5
    assert kappa(pairs) == 0.0
    assert brier(pairs) == pytest.approx((0.04 + 0.36 + 0.36 + 0.16) / 4)


def test_the_curve_says_for_each_tenth_how_often_people_agreed() -> None:
    pairs = [(1.0, True), (0.95, True), (0.9, False), (0.0, False), (0.05, True), (0.5, True)]
    curve = reliability_curve(pairs)
    assert [(one.low, one.high, one.n) for one in curve] == [(0.0, 0.1, 2), (0.5, 0.6, 1), (0.9, 1.0, 3)]
    assert curve[0] == Bin(0.0, 0.1, 0.025, 0.5, 2)
    assert curve[2].mean_score == pytest.approx(0.95)
    assert curve[2].share_grounded == pytest.approx(2 / 3)
    # (2 * 0.475 + 1 * 0.5 + 3 * 0.28333) / 6
    assert expected_calibration_error(curve) == pytest.approx((0.95 + 0.5 + 0.85) / 6)


def test_the_areas_interval_is_as_wide_as_hanley_and_mcneil_say() -> None:
    chance = np.random.default_rng(4)
    truth = np.repeat([True, False], 150)
    scores = chance.normal(np.where(truth, 0.6, 0.4), 0.18).clip(0, 1)
    found = auroc(list(zip(scores.tolist(), truth.tolist(), strict=True)), 4_000)
    a = found.mean
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    error = math.sqrt((a * (1 - a) + 149 * (q1 - a**2) + 149 * (q2 - a**2)) / 150**2)
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.12)


def test_the_areas_interval_covers_at_its_rate() -> None:
    # scores of 11 levels, for good ones 1 - (a level of bad ones): the true area from the shares themselves
    shares = np.array([1, 2, 3, 4, 6, 8, 10, 13, 15, 17, 21]) / 100
    below = np.cumsum(shares[::-1]) - shares[::-1] / 2
    truth = float(shares @ below)
    chance = np.random.default_rng(8)
    held = 0
    for seed in range(1_000):
        good = chance.choice(11, 60, p=shares) / 10
        bad = 1 - chance.choice(11, 60, p=shares) / 10
        pairs = [(s, True) for s in good.tolist()] + [(s, False) for s in bad.round(1).tolist()]
        found = auroc(pairs, 300, seed=seed)
        held += found.low <= truth <= found.high
    assert 920 <= held <= 970


def test_the_area_of_a_thousand_distinct_scores_needs_more_than_one_draw() -> None:
    chance = np.random.default_rng(1)
    pairs = [(score, bool(score + chance.normal(0, 0.3) > 0.5)) for score in chance.random(6_000).tolist()]
    found = auroc(pairs, 1_000)
    assert found.low < found.mean < found.high
    assert auroc(pairs, 1_000) == found


@pytest.mark.parametrize(("resamples", "confidence"), [(0, 0.95), (10, 0.0), (10, 1.0), (10, math.nan)])
def test_arguments_that_give_no_interval_are_an_error(resamples: int, confidence: float) -> None:
    with pytest.raises(EvaluationError, match="no interval"):
        auroc([(0.1, False), (0.9, True)], resamples, confidence)


def test_a_calibration_says_who_was_judged_by_what_and_what_it_took() -> None:
    judge = Scripted([said(0.9), said(0.2), said(0.6), said(0.4)])
    asked = labels(True, False, True, False)
    found = calibrate(judge, asked, resamples=100, confidence=0.9)
    assert judge.asked == ["answer 1", "answer 2", "answer 3", "answer 4"]
    assert (found.judge, found.judge_fingerprint) == ("scripted", "f1")
    assert found.labels_fingerprint == asked.fingerprint
    assert (found.n, found.n_grounded, found.failures) == (4, 2, 0)
    assert found.pairs == ((0.9, True), (0.2, False), (0.6, True), (0.4, False))
    assert found.auroc == Interval(1.0, 1.0, 1.0, 4)
    assert (found.balanced_accuracy, found.kappa, found.threshold) == (1.0, 1.0, 0.5)
    assert found.confidence == 0.9
    assert found.usage == Usage(4, 400, 40, 0.04)


def test_an_answer_without_a_score_counts_as_the_worst_mistake() -> None:
    verdicts: list[Verdict] = [
        said(0.9),
        JudgeFailure("ModelUnavailableError", "no answer", Usage(2, 5, 0, 0.0)),
        said(0.1),
        JudgeFailure("ModelUnavailableError", "no answer"),
    ]
    found = calibrate(Scripted(verdicts), labels(True, True, False, False), resamples=100)
    assert found.failed == (1, 3)
    assert found.failures == 2
    assert found.pairs == ((0.9, True), (0.0, True), (0.1, False), (1.0, False))
    # of four comparisons 0.9 wins one, 0 none
    assert found.auroc.mean == 0.25
    assert found.usage == Usage(4, 205, 20, 0.02)
    assert found.pairs_as_measured == ((0.9, 1.0), (0.0, 1.0), (0.1, 0.0), (0.0, 0.0))


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.01, 1.01])
def test_a_score_that_is_not_from_0_to_1_is_none(score: float) -> None:
    assert calibrate(Scripted([said(score), said(0.2)]), labels(True, False), resamples=10).failed == (0,)


def test_a_verdict_without_faithfulness_is_none() -> None:
    verdicts = [Judgement({"AnswerRelevancy": 0.9}), said(0.2)]
    assert calibrate(Scripted(verdicts), labels(True, False), resamples=10).failed == (0,)


def test_a_judge_that_always_fails_is_still_on_record() -> None:
    found = calibrate(Scripted([JudgeFailure("ModelError", "none")] * 4), labels(*[True, False] * 2))
    assert (found.failures, found.auroc.mean, found.brier, found.kappa) == (4, 0.0, 1.0, -1.0)


def test_labels_of_one_kind_stop_before_the_judge_is_asked() -> None:
    judge = Scripted([said(0.5)] * 3)
    with pytest.raises(EvaluationError, match="one kind"):
        calibrate(judge, labels(True, True, True))
    assert judge.asked == []


def test_more_or_fewer_verdicts_than_answers_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="scripted gave 3 verdicts on 2 answers"):
        calibrate(Scripted([said(0.5)] * 3), labels(True, False))


def test_the_same_verdicts_give_the_same_calibration_and_another_seed_another_interval() -> None:
    scores, grounded = [0.9, 0.7, 0.8, 0.3, 0.35, 0.1] * 6, [True, True, False, True, False, False] * 6
    judge = Scripted([said(one) for one in scores])
    asked = labels(*grounded)
    assert calibrate(judge, asked, seed=1) == calibrate(judge, asked, seed=1)
    assert len({calibrate(judge, asked, resamples=50, seed=seed).auroc for seed in range(5)}) > 1


def test_a_calibration_comes_back_from_its_json_as_it_was() -> None:
    before = good_one()
    text = json.dumps(before.to_dict(), allow_nan=False)
    assert Calibration.from_dict(json.loads(text)) == before
    assert "answer 1" not in text


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"kappa": "0.5"}, "kappa"),
        ({"n": 36.5}, "n"),
        ({"pairs": [[0.5, "yes"]]}, "pairs.0.1"),
        ({"auroc": {"mean": 0.5}}, "auroc.low"),
        ({"judge": None}, "judge"),
    ],
)
def test_what_is_no_calibration_is_refused_at_its_place(change: dict[str, object], where: str) -> None:
    with pytest.raises(EvaluationError, match="not a calibration") as caught:
        Calibration.from_dict(good_one().to_dict() | change)
    assert caught.value.where == where


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(EvaluationError, match="not a calibration"):
        Calibration.from_dict(good_one().to_dict() | {"brier": math.nan})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"n": 35}, "one pair for each label"),
        ({"n_grounded": 17}, "one pair for each label"),
        ({"failed": [36]}, "was not judged"),
        ({"failed": [3, 3]}, "was not judged"),
        ({"pairs": [[1.5, True]], "n": 1, "n_grounded": 1}, "not from 0 to 1"),
    ],
)
def test_a_calibration_that_contradicts_itself_is_refused(change: dict[str, object], match: str) -> None:
    with pytest.raises(EvaluationError, match=match):
        Calibration.from_dict(good_one().to_dict() | change)


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(EvaluationError, match="finite"):
        replace(good_one(), kappa=math.nan)


def test_a_judge_calibrated_as_it_is_and_above_the_floor_may_vote() -> None:
    assert good_one().auroc.mean == pytest.approx(7 / 9)
    assert why_no_vote(good_one(), "f1", 0.7) is None
    assert why_no_vote(good_one(), "f1", good_one().auroc.mean) is None


def test_a_judge_that_may_not_vote_is_told_why() -> None:
    assert why_no_vote(None, "f1", 0.7) == "the judge is not calibrated"
    assert why_no_vote(good_one(), "f2", 0.7) == "the judge changed after it was calibrated"
    assert why_no_vote(good_one(), "f1", 0.9) == "its AUROC of 0.778 is below the floor of 0.9"
    few = calibrated([0.9, 0.1] * 14, [True, False] * 14)
    assert why_no_vote(few, "f1", 0.7) == "it is calibrated by 28 labels; 30 are needed"
    rare = calibrated([0.9] * 36 + [0.1] * 4, [True] * 36 + [False] * 4)
    assert why_no_vote(rare, "f1", 0.7) == "it is calibrated by 4 labels of one kind; 5 are needed"
