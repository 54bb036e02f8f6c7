"""What a golden set covers, and what it can tell from luck."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from evals.golden.coverage import Coverage, Detectable, coverage, detectable, slices
from evals.statistics import paired_difference
from tests.evals.making import golden, question


def test_coverage_counts_documents_that_an_answerable_question_expects() -> None:
    sources = {"s/a": "s", "s/b": "s", "t/a": "t", "u/a": "u"}
    asked = golden(
        question("1", {"s/a": 1, "t/a": 0}),
        question("2", {"s/a": 2, "s/gone": 1}),
        question("3", {"t/a": 1}, kind="forbidden"),
    )
    assert coverage(asked, sources, ["s/a", "s/b", "t/a"]) == {
        "s": Coverage(documents=2, expected=1, questions=2),
        "t": Coverage(documents=1, expected=0, questions=0),
    }


def test_slices_are_tags_of_answerable_questions_after_all_of_them() -> None:
    first, second = replace(question("1"), tags=("b", "a")), replace(question("2"), tags=("b",))
    other = replace(question("3", kind="unanswerable"), tags=("c",))
    found = slices(golden(first, second, other))
    assert list(found) == ["all", "a", "b"]
    assert {name: [one.id for one in each] for name, each in found.items()} == {
        "all": ["1", "2"],
        "a": ["1"],
        "b": ["1", "2"],
    }


def test_the_smallest_fall_follows_from_spread_and_number() -> None:
    # Differences 1, -1, 1, -1: their standard deviation is 2 / sqrt(3) = 1.1547; 1.960 + 0.842 = 2.802.
    found = detectable(
        {"a": 1, "b": 0, "c": 1, "d": 0}, {"a": 0, "b": 1, "c": 0, "d": 1, "e": 1}, confidence=0.95
    )
    assert found.n == 4
    assert found.measured
    assert found.spread == pytest.approx(1.1547, abs=1e-4)
    assert found.fall == pytest.approx(2.8016 * 1.1547 / 2, abs=1e-3)


@pytest.mark.parametrize("before", [None, {"a": 1.0, "b": 0.0}, {}, {"a": 0.5}])
def test_without_two_measurements_that_differ_it_is_that_of_independent_ones(
    before: dict[str, float] | None,
) -> None:
    # Values 1 and 0: standard deviation 0.7071, times the square root of 2 is 1.
    found = detectable({"a": 1.0, "b": 0.0}, before, confidence=0.95)
    assert not found.measured
    assert found.spread == pytest.approx(1.0)


@pytest.mark.parametrize("now", [{}, {"a": 1.0}, {"a": 0.5, "b": 0.5}])
def test_of_nothing_and_of_equals_nothing_is_known(now: dict[str, float]) -> None:
    assert detectable(now, None, confidence=0.95) == Detectable(len(now), None, None, False)


def test_a_fall_of_that_size_is_noticed_four_times_in_five() -> None:
    chance = random.Random(1)
    ids = [str(number) for number in range(100)]
    before = {one: chance.random() for one in ids}
    noise = {one: chance.gauss(0, 0.2) for one in ids}
    found = detectable({one: before[one] + noise[one] for one in ids}, before, confidence=0.95)
    assert found.fall is not None
    noticed = 0
    for _ in range(200):
        now = {one: before[one] + chance.gauss(-found.fall, found.spread or 0) for one in ids}
        noticed += paired_difference(now, before, resamples=400).high < 0
    assert 140 <= noticed <= 180  # 160 expected, give or take 3.5 standard deviations
