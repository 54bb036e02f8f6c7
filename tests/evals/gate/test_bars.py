from dataclasses import replace

import pytest

from evals.gate import Bar, GatePolicy, decide
from tests.evals.gate.judging import GOOD, candidate, check, sentences, verdict
from tests.evals.making import measured


def test_below_the_floor_it_is_blocked_with_the_figures() -> None:
    found = verdict(measured([0.5] * 10))
    assert found.decision == "block"
    assert sentences(found) == ["nDCG@10 is 0.500 over 10 questions; at least 0.600 is required."]
    assert check(found, "floor nDCG@10").figure == "nDCG@10 0.500 < floor 0.600"


def test_exactly_on_the_floor_it_passes() -> None:
    assert verdict(measured([0.6] * 7)).decision == "promote"
    assert verdict(measured([0.5, 0.7] * 5)).decision == "promote"
    # 0.7 / 5 is 0.14 to a person, and a little less to a computer
    policy = GatePolicy({"nDCG@10": Bar(floor=0.14)}, resamples=200)
    assert decide(policy, candidate(measured([0.1, 0.1, 0.1, 0.1, 0.3])), None).decision == "promote"


def test_significantly_worse_than_bm25_is_blocked() -> None:
    found = verdict(measured([0.8] * 10, bm25=[0.9] * 10))
    assert found.decision == "block"
    assert sentences(found) == [
        "nDCG@10 is worse than that of plain bm25: "
        "0.800 against 0.900 (-0.100, 95 % interval -0.100 to -0.100)."
    ]


def test_insignificantly_worse_than_bm25_passes() -> None:
    found = verdict(measured([0.8] * 10, bm25=[0.7] * 4 + [0.9] * 6))
    assert found.decision == "promote"
    assert check(found, "baseline nDCG@10").numbers["difference"] == pytest.approx(-0.02)


def test_without_policy_metrics_ndcg_is_held_against_bm25_all_the_same() -> None:
    found = decide(GatePolicy(), candidate(measured([0.1] * 10, bm25=[0.9] * 10)), None)
    assert found.decision == "block"
    assert decide(GatePolicy(), candidate(GOOD), None).decision == "promote"


def test_a_measurement_without_the_baseline_is_held() -> None:
    rows = tuple(row for row in GOOD.scores if row.system == "fused")
    found = verdict(replace(GOOD, systems=("fused",), scores=rows))
    assert found.decision == "hold"
    assert sentences(found) == ["The baseline bm25 was not measured. Evaluate the version again with it."]


def test_a_metric_that_was_not_measured_is_held() -> None:
    found = verdict(measured([0.8] * 10, metric="MRR"), GOOD)
    assert found.decision == "hold"
    assert {reason.check for reason in found.reasons} == {
        "floor nDCG@10",
        "regression nDCG@10",
        "baseline nDCG@10",
    }
