"""The same release measured twice."""

from __future__ import annotations

from dataclasses import replace

from evals.drift import release_drift
from evals.measurement import Failure, Leak, Measurement
from tests.evals.making import measured

BEFORE = measured([0.8, 0.6, 1.0, 0.4, 0.7])


def reasons(now: Measurement, before: Measurement = BEFORE) -> tuple[str, ...]:
    return release_drift(before, now, 500, 0.95, 0).reasons


def test_the_same_values_are_steady() -> None:
    found = release_drift(BEFORE, BEFORE, 500, 0.95, 0)
    assert found.reasons == ()
    assert (found.metrics["nDCG@10"].before, found.metrics["nDCG@10"].now) == (0.7, 0.7)


def test_values_that_all_fell_are_a_drift_with_both_means() -> None:
    assert reasons(measured([0.7, 0.5, 0.9, 0.3, 0.6])) == ("nDCG@10 moved from 0.700 to 0.600 (-0.100).",)


def test_values_that_all_rose_are_a_drift_too() -> None:
    assert reasons(measured([0.9, 0.7, 1.0, 0.5, 0.8]))


def test_one_value_that_moved_may_be_luck() -> None:
    assert reasons(measured([0.7, 0.6, 1.0, 0.4, 0.7])) == ()


def test_a_new_leak_is_named_first() -> None:
    leaking = replace(measured([0.1] * 5), leaks=(Leak("q3", "user:bob", "s/x", ("fused",)),))
    assert reasons(leaking)[0] == "1 leak more: q3."


def test_a_leak_that_was_there_before_is_no_news() -> None:
    leaking = replace(BEFORE, leaks=(Leak("q3", "user:bob", "s/x", ("fused",)),))
    assert reasons(leaking, leaking) == ()


def test_a_question_that_fails_now_is_named() -> None:
    failing = replace(BEFORE, failures=(Failure("q1", "judge", "ModelError", "cut off"),))
    assert reasons(failing) == ("1 question more failed: q1.",)


def test_questions_that_were_rewritten_are_not_compared() -> None:
    assert release_drift(BEFORE, measured([0.1] * 5, contents="other"), 500, 0.95, 0).metrics == {}
