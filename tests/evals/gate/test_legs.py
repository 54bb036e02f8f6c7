"""Rankings behind the fused one that broke, although the fused one hides it."""

from __future__ import annotations

from dataclasses import replace

from evals.gate import Verdict
from evals.measurement import Measurement, Score
from tests.evals.gate.judging import check, sentences, verdict
from tests.evals.making import measured


def with_leg(dense: list[float]) -> Measurement:
    whole = measured([0.8] * len(dense))
    rows = tuple(Score(f"q{n}", "dense", "nDCG@10", value, False) for n, value in enumerate(dense))
    return replace(whole, systems=("fused", "dense", "bm25"), scores=whole.scores + rows)


def judged(now: list[float], before: list[float]) -> Verdict:
    return verdict(with_leg(now), with_leg(before))


def test_a_leg_that_broke_blocks_although_the_fused_ranking_is_the_same() -> None:
    found = judged([0.1] * 8 + [0.2, 0.3], [0.7] * 8 + [0.6, 0.8])
    assert found.decision == "block"
    assert check(found, "leg nDCG@10 dense").outcome == "block"
    assert "The dense ranking by itself is worse than the promoted one's" in sentences(found)[0]
    assert check(found, "regression nDCG@10").passed


def test_a_leg_that_is_a_little_worse_says_nothing() -> None:
    assert judged([0.69] * 10, [0.7] * 10).decision == "promote"


def test_a_leg_that_may_have_fallen_by_luck_does_not_even_hold() -> None:
    assert judged([0.0] + [0.7] * 9, [0.7] * 10).decision == "promote"


def test_a_leg_that_only_one_of_them_was_measured_with_is_not_compared() -> None:
    found = verdict(with_leg([0.1] * 10), measured([0.8] * 10))
    assert found.decision == "promote"
    assert not [one for one in found.checks if one.name.startswith("leg")]


def test_plain_bm25_is_no_leg() -> None:
    found = verdict(measured([0.8] * 10, bm25=[0.1] * 10), measured([0.8] * 10, bm25=[0.7] * 10))
    assert found.decision == "promote"


def test_of_a_leg_behind_a_ranking_that_is_blocked_itself_nothing_more_is_said() -> None:
    before = with_leg([0.7] * 10)
    now = replace(
        before,
        scores=tuple(
            replace(row, value=0.1) if row.system in ("fused", "dense") else row for row in before.scores
        ),
    )
    found = verdict(now, before)
    assert check(found, "leg nDCG@10 dense").outcome == "block"
    assert not [one for one in sentences(found) if "by itself" in one]
