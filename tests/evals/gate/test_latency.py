"""How long a search takes beside the promoted release's, and what the gate makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.gate import Bar, GatePolicy, Latency, Verdict, decide
from evals.latency import compare_latency
from rag.errors import EvaluationError
from tests.evals.gate.judging import GOOD, candidate, check, sentences


class Clock:
    """Moves by what a search is said to take."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []

    def __call__(self) -> float:
        return self.now

    def search(self, name: str, *seconds: float) -> Search:
        return Search(self, name, seconds)


class Search:
    def __init__(self, clock: Clock, name: str, seconds: tuple[float, ...]) -> None:
        self.clock, self.name, self.seconds, self.calls = clock, name, seconds, 0

    def __call__(self, question: str, principal: str) -> None:
        self.clock.asked.append(self.name)
        self.clock.now += self.seconds[self.calls % len(self.seconds)]
        self.calls += 1


QUESTIONS = [(f"question {number}", "public") for number in range(10)]


def verdict(latency: Latency | None, most: float | None = 2.0) -> Verdict:
    policy = GatePolicy({"nDCG@10": Bar(floor=0.6, margin=0.02)}, resamples=200, max_latency_ratio=most)
    return decide(policy, replace(candidate(GOOD), latency=latency), GOOD)


def test_a_search_that_takes_three_times_as_long_has_the_ratio_three() -> None:
    clock = Clock()
    found = compare_latency(clock.search("new", 0.3), clock.search("old", 0.1), QUESTIONS, clock=clock)
    assert [found.ratio, found.low, found.high] == pytest.approx([3, 3, 3])
    assert found.n == 10


def test_both_are_asked_in_turn_and_neither_always_first() -> None:
    clock = Clock()
    compare_latency(clock.search("new", 0.1), clock.search("old", 0.1), QUESTIONS[:1], rounds=3, clock=clock)
    assert clock.asked == ["old", "new", "new", "old", "old", "new", "new", "old"]


def test_a_pause_of_the_machine_and_the_first_call_do_not_count() -> None:
    clock = Clock()
    slow_at_first = clock.search("new", 9.0, 0.1, 7.0, 0.1)
    found = compare_latency(slow_at_first, clock.search("old", 0.1), QUESTIONS[:1], rounds=3, clock=clock)
    assert found.ratio == pytest.approx(1)


def test_without_a_question_there_is_nothing_to_compare() -> None:
    clock = Clock()
    with pytest.raises(EvaluationError, match="no question"):
        compare_latency(clock.search("new", 0.1), clock.search("old", 0.1), [], clock=clock)


def test_what_is_surely_slower_blocks_what_may_be_holds_and_what_is_not_passes() -> None:
    assert verdict(Latency(3.0, 2.5, 3.5, 10)).decision == "block"
    assert verdict(Latency(1.9, 1.5, 2.4, 10)).decision == "hold"
    assert verdict(Latency(1.2, 1.1, 1.9, 10)).decision == "promote"
    assert "a search takes 3.00 times as long" in sentences(verdict(Latency(3.0, 2.5, 3.5, 10)))[0].lower()
    assert check(verdict(Latency(1.2, 1.1, 1.9, 10)), "latency").numbers["ratio"] == 1.2


def test_without_a_limit_or_something_beside_it_nothing_is_checked() -> None:
    for found in (verdict(Latency(9.0, 8.0, 10.0, 10), most=None), verdict(None)):
        assert found.decision == "promote"
        assert "latency" not in {one.name for one in found.checks}
