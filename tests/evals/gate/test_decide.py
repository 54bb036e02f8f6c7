import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from evals.gate import Bar, GatePolicy, decide
from tests.evals.gate.judging import GOOD, LEAK, candidate, check, sentences, verdict
from tests.evals.making import measured


def test_a_good_candidate_is_promoted_with_a_summary_and_all_checks_listed() -> None:
    found = verdict(GOOD, GOOD)
    assert found.decision == "promote"
    assert sentences(found) == [
        "Version 7 passed all 13 checks: nDCG@10 0.800 over 10 questions, no leaks, 0 failed questions."
    ]
    assert [(one.name, one.passed) for one in found.checks] == [
        ("not empty", True),
        ("complete", True),
        ("deletes applied", True),
        ("vectors", True),
        ("freshness", True),
        ("quarantine", True),
        ("evidence", True),
        ("leaks", True),
        ("failures", True),
        ("floor nDCG@10", True),
        ("incumbent", True),
        ("regression nDCG@10", True),
        ("baseline nDCG@10", True),
    ]
    assert check(found, "floor nDCG@10").figure == "nDCG@10 0.800 >= floor 0.600"


def test_without_an_answerable_question_nothing_was_measured_and_it_is_held() -> None:
    found = verdict(measured([]), GOOD)
    assert found.decision == "hold"
    assert sentences(found) == [
        "Not enough evidence: nothing was measured; at least 5 answerable golden questions are needed."
    ]
    assert {one.name: one.outcome for one in found.checks if not one.passed} == dict.fromkeys(
        ["evidence", "floor nDCG@10", "incumbent", "regression nDCG@10", "baseline nDCG@10"], "hold"
    )


def test_a_block_outweighs_a_hold_and_comes_first_among_the_reasons() -> None:
    found = verdict(measured([0.8] * 10, evaluator="e2", leaks=[LEAK]), GOOD)
    assert found.decision == "block"
    assert [reason.outcome for reason in found.reasons] == ["block", "hold"]


def test_a_verdict_is_plain_json() -> None:
    plain = json.loads(json.dumps(verdict(measured([0.5] * 10)).to_dict()))
    assert plain["decision"] == "block"
    assert plain["reasons"][0] == {
        "check": "floor nDCG@10",
        "outcome": "block",
        "sentence": "nDCG@10 is 0.500 over 10 questions; at least 0.600 is required.",
    }
    assert [row["name"] for row in plain["checks"] if not row["passed"]] == ["floor nDCG@10"]


unit = st.lists(st.floats(0, 1), max_size=15)


@settings(deadline=None)
@given(unit)
def test_what_equals_the_incumbent_is_never_blocked_for_a_regression(values: list[float]) -> None:
    policy = GatePolicy({"nDCG@10": Bar(margin=0.0)}, resamples=50)
    found = decide(policy, candidate(measured(values)), measured(values))
    assert [one.name for one in found.checks if one.outcome == "block"] == []
    assert found.decision == ("promote" if len(values) >= 5 else "hold")


@settings(deadline=None)
@given(unit, unit, st.booleans())
def test_what_leaks_is_always_blocked(values: list[float], before: list[float], first: bool) -> None:
    leaky = measured([*values, 1.0], leaks=[replace(LEAK, question="q0")])
    assert verdict(leaky, None if first else measured(before)).decision == "block"


@settings(deadline=None)
@given(unit, unit, st.sampled_from(["e1", "e2"]))
def test_every_decision_has_a_reason_and_agrees_with_its_checks(
    values: list[float], before: list[float], evaluator: str
) -> None:
    found = verdict(measured(values, evaluator=evaluator), measured(before))
    outcomes = {one.outcome for one in found.checks}
    worst = "block" if "block" in outcomes else "hold" if "hold" in outcomes else "promote"
    assert found.decision == worst
    assert found.reasons
    assert all(reason.sentence.endswith(".") for reason in found.reasons)
