"""The same answers, judged twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evals.judges.calibration import Calibration, from_scores
from evals.judges.drift import JudgeDrift, drift
from evals.judges.port import Case, JudgeFailure, Judgement
from evals.statistics import Interval
from rag.errors import EvaluationError

LABELS = [True, False] * 20
GOOD = [0.9, 0.1] * 20


class Named:
    """A judge by name: what is compared is what it said before."""

    name, fingerprint, metrics = "llm", "f", ("Faithfulness",)

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        raise AssertionError("nobody asks it")


def scored(scores: Sequence[float | None], labels: str = "l") -> Calibration:
    return from_scores(Named(), labels, scores, LABELS, resamples=300)


def moved(
    now: Sequence[float | None],
    before: Sequence[float | None] = GOOD,
    *,
    tolerance: float = 0.02,
    floor: float = 0.7,
) -> JudgeDrift:
    return drift(scored(before), scored(now), tolerance=tolerance, floor=floor, resamples=300)


def test_the_same_scores_are_steady() -> None:
    assert moved(GOOD) == JudgeDrift(Interval(0.0, 0.0, 0.0, 40), 0, ())


def test_a_move_of_every_score_is_told_with_its_interval() -> None:
    found = moved([0.95, 0.15] * 20)
    assert found.difference.mean == pytest.approx(0.05)
    assert found.moved == 0
    (reason,) = found.reasons
    assert reason == "its scores moved by +0.050 (+0.050 to +0.050), more than 0.02"


def test_a_move_down_is_a_drift_as_well() -> None:
    assert moved([0.8, 0.0] * 20).reasons[0].startswith("its scores moved by -0.100")


def test_a_move_within_the_tolerance_is_none() -> None:
    found = moved([0.91, 0.11] * 20)
    assert (found.difference.low > 0, found.reasons) == (True, ())
    assert moved([0.95, 0.15] * 20, tolerance=0.1).reasons == ()


def test_scores_that_go_up_and_down_alike_are_luck_and_are_counted() -> None:
    # 20 answers by +0.3 and 19 by -0.3: +0.0075 on average, and 39 single moves
    now = [score + (0.3 if place % 2 else -0.3) for place, score in enumerate(GOOD)]
    now[0] = GOOD[0]
    found = moved(now, tolerance=0.0)
    assert found.difference.low < 0 < found.difference.mean < found.difference.high
    assert (found.moved, found.reasons) == (39, ())


@pytest.mark.parametrize(("failed", "alert"), [(2, False), (3, True)])
def test_more_than_one_in_twenty_that_failed_is_an_alert(failed: int, alert: bool) -> None:
    # of what was 0.1 before, so that a failure (0) hardly moves the mean
    now: list[float | None] = list(GOOD)
    for place in range(failed):
        now[2 * place + 1] = None
    found = moved(now)
    expected = (f"{failed} of 40 answers were not judged, where it were 0",) if alert else ()
    assert found.reasons == expected


def test_failures_that_were_there_before_are_no_news() -> None:
    before: list[float | None] = [*GOOD[:30], *[None] * 10]
    assert moved(before, before).reasons == ()


def test_an_auroc_that_fell_below_the_floor_is_an_alert() -> None:
    # the order is turned round, and the mean stays
    (reason,) = moved([0.1, 0.9] * 20).reasons
    assert reason == "its AUROC fell from 1.000 to 0.000, below 0.7"


def test_an_auroc_that_was_below_before_is_no_news() -> None:
    assert moved([0.1, 0.9] * 20, [0.1, 0.9] * 20).reasons == ()


def test_other_labels_cannot_be_compared() -> None:
    with pytest.raises(EvaluationError, match="not by the same labels"):
        drift(scored(GOOD), scored(GOOD, "others"), tolerance=0.1, floor=0.7, resamples=300)
