"""What a person must approve although everything holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.gate import Bar, GatePolicy, Verdict, decide
from tests.evals.gate.judging import GOOD, SOUND, candidate, check, sentences
from tests.evals.making import measured

CONDITIONS = ("first", "generation", "retrieval", "answering", "golden", "gate", "tie")


def verdict(*conditions: str, changed: tuple[str, ...] = (), now: float = 0.9) -> Verdict:
    policy = GatePolicy(
        {"nDCG@10": Bar(floor=0.6, margin=0.02)}, resamples=200, approve=frozenset(conditions)
    )
    candidates = replace(candidate(measured([now] * 10)), state=SOUND, changed=frozenset(changed))
    return decide(policy, candidates, GOOD)


@pytest.mark.parametrize("part", CONDITIONS[:-1])
def test_a_part_that_changed_waits_for_a_person_where_the_policy_says_so(part: str) -> None:
    found = verdict(part, changed=(part,))
    assert found.decision == "hold"
    assert sentences(found)[0].startswith("A person must approve version 7: ")
    assert check(found, "approval").figure == part


def test_a_part_that_did_not_change_waits_for_nobody() -> None:
    found = verdict("generation", "golden", changed=("answering",))
    assert found.decision == "promote"
    assert check(found, "approval").figure == "no condition met"


def test_a_part_that_changed_waits_for_nobody_where_the_policy_does_not_ask() -> None:
    found = verdict(changed=CONDITIONS)
    assert found.decision == "promote"
    assert "approval" not in {one.name for one in found.checks}


def test_a_tie_is_where_no_metric_differs_beyond_chance() -> None:
    assert verdict("tie", now=0.8).decision == "hold"
    assert verdict("tie", now=0.9).decision == "promote"


def test_without_a_promoted_release_there_is_no_tie() -> None:
    policy = GatePolicy({"nDCG@10": Bar(floor=0.6)}, resamples=200, approve=frozenset({"tie"}))
    assert decide(policy, candidate(GOOD), None).decision == "promote"


def test_a_person_cannot_be_asked_about_what_is_blocked() -> None:
    assert verdict("golden", changed=("golden",), now=0.1).decision == "block"
