"""How often the gate errs, by simulation: each question has one document, found at some rank or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evals.gate import Bar, Decision, GatePolicy, decide
from evals.measurement import Asked, Measurement, Score
from tests.evals.gate.judging import candidate
from tests.evals.making import measured

POLICY = GatePolicy({"nDCG@10": Bar(margin=0.02), "Recall@10": Bar(margin=0.03)}, resamples=200)
RANKS = np.arange(1, 12)  # 11: not among ten
OFTEN = np.array([0.5, *[0.35 / 9] * 9, 0.15])
SYSTEMS = ("fused", "dense", "sparse")

Ranks = NDArray[np.int64]


def values(ranks: Ranks) -> dict[str, NDArray[np.float64]]:
    """nDCG@10 and Recall@10 by question."""
    found = ranks <= 10
    return {"nDCG@10": np.where(found, 1 / np.log2(ranks + 1.0), 0.0), "Recall@10": found.astype(float)}


def measurement(ranks: Mapping[str, Ranks]) -> Measurement:
    ids = [f"q{number}" for number in range(len(ranks["fused"]))]
    systems = {**ranks, "bm25": np.full(len(ids), 11)}
    return Measurement(
        main="fused",
        systems=tuple(systems),
        asked=tuple(Asked(one, "answerable", one) for one in ids),
        scores=tuple(
            Score(one, system, metric, float(value), False)
            for system, places in systems.items()
            for metric, found in values(places).items()
            for one, value in zip(ids, found, strict=True)
        ),
        leaks=(),
        failures=(),
        fingerprints={"golden": "g", "evaluator": "e"},
    )


def drawn(chance: np.random.Generator, questions: int) -> dict[str, Ranks]:
    return {system: chance.choice(RANKS, questions, p=OFTEN) for system in SYSTEMS}


def with_noise(chance: np.random.Generator, ranks: Mapping[str, Ranks], share: float) -> dict[str, Ranks]:
    """A share of the questions, others in each system, come out at ranks that owe nothing to the version."""
    return {
        system: np.where(
            chance.random(len(places)) < share, chance.choice(RANKS, len(places), p=OFTEN), places
        )
        for system, places in ranks.items()
    }


def decision(now: Mapping[str, Ranks], before: Mapping[str, Ranks]) -> Decision:
    return decide(POLICY, candidate(measurement(now)), measurement(before)).decision


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 0.1))
def test_the_same_scores_are_never_blocked(scores: list[float], margin: float) -> None:
    policy = GatePolicy({"nDCG@10": Bar(margin=margin)}, resamples=100)
    assert decide(policy, candidate(measured(scores)), measured(scores)).decision != "block"


@pytest.mark.parametrize("questions", [20, 300])
def test_the_same_rankings_are_never_blocked(questions: int) -> None:
    chance = np.random.default_rng(1)
    for _ in range(20):
        ranks = drawn(chance, questions)
        assert decision(ranks, ranks) != "block"


def by_chance(questions: int) -> Counter[Decision]:
    """What became of 400 candidates, but of those with the incumbent's ranking; of all kinds of noise in turn."""
    chance = np.random.default_rng(2)
    decisions: Counter[Decision] = Counter()
    for number in range(400):
        ranks = drawn(chance, questions)
        share = (0.05, 0.2, 0.5)[number % 3]
        now, before = with_noise(chance, ranks, share), with_noise(chance, ranks, share)
        if (now["fused"] != before["fused"]).any():
            decisions[decision(now, before)] += 1
    return decisions


def test_of_candidates_that_differ_by_chance_at_most_one_in_twenty_is_blocked() -> None:
    decisions = by_chance(300)
    assert decisions.total() == 400
    assert decisions["block"] <= 0.05 * decisions.total()


def test_on_twenty_questions_candidates_that_differ_by_chance_are_held() -> None:
    decisions = by_chance(20)
    assert decisions.total() > 300
    assert decisions["block"] <= 0.05 * decisions.total()
    assert decisions["hold"] >= 0.95 * decisions.total()


def test_a_fall_by_a_tenth_on_three_hundred_questions_is_blocked() -> None:
    chance = np.random.default_rng(3)
    blocked = 0
    mean = float(values(RANKS)["nDCG@10"] @ OFTEN)
    for _ in range(100):
        ranks = drawn(chance, 300)
        before = with_noise(chance, ranks, 0.1)
        lost = chance.random(300) < 0.1 / mean
        now = with_noise(chance, ranks, 0.1)
        # the fused ranking alone: what looks at the others must not be needed
        now["fused"] = np.where(lost, 11, now["fused"])
        blocked += decision(now, before) == "block"
    assert blocked >= 95
