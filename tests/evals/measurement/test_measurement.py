import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.measurement import Failure, Leak, Measurement
from evals.statistics import bootstrap_interval
from rag.errors import EvaluationError
from tests.evals.making import measured

FULL = measured(
    [0.1, 0.9],
    bm25=[0.3, 0.7],
    leaks=[Leak("q0", "public", "s/x", ("fused",))],
    failures=[Failure("q1", "bm25", "RuntimeError", "raised in search, x.py:3")],
)


def test_values_are_by_question_and_the_summary_holds_the_intervals_of_their_means() -> None:
    assert FULL.values("bm25", "nDCG@10") == {"q0": 0.3, "q1": 0.7}
    assert FULL.summary("fused", 100, 0.9, 5) == {"nDCG@10": bootstrap_interval([0.1, 0.9], 100, 0.9, 5)}
    assert FULL.failed == ("q1",)


def test_what_was_not_measured_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="P@5 of fused was not measured"):
        FULL.values("fused", "P@5")
    with pytest.raises(EvaluationError, match="dense was not measured; fused, bm25 were"):
        FULL.summary("dense")


def test_a_missing_row_a_row_too_many_and_a_row_twice_are_errors() -> None:
    extra = replace(FULL.scores[0], question="q9")
    for scores in (FULL.scores[1:], (*FULL.scores, extra), (*FULL.scores, FULL.scores[0]), ()):
        with pytest.raises(EvaluationError, match="exactly one value"):
            replace(FULL, scores=scores)


@pytest.mark.parametrize(
    "change",
    [
        {"main": "dense"},
        {"systems": ("fused", "bm25", "fused")},
        {"fingerprints": {"golden": "g"}},
        {"asked": (*FULL.asked, FULL.asked[0])},
        {"leaks": (Leak("q9", "public", "s/x", ("fused",)),)},
        {"failures": (Failure("q9", "fused", "E", ""),)},
        {"scores": tuple(replace(row, value=float("nan")) for row in FULL.scores)},
    ],
    ids=str,
)
def test_a_measurement_that_contradicts_itself_is_an_error(change: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError, match="a measurement"):
        replace(FULL, **change)


def test_it_goes_through_json_and_back() -> None:
    assert Measurement.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=10))
def test_any_values_go_through_json_and_back(values: list[float]) -> None:
    found = measured(values)
    assert Measurement.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain.pop(key)


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (without("scores"), "scores"),
        (lambda plain: plain["scores"][0].update(value="0.1"), "scores.0.value"),
        (lambda plain: plain["asked"][1].update(kind="other"), "asked.1.kind"),
        (lambda plain: plain.update(systems="fused"), "systems"),
    ],
)
def test_damaged_json_is_an_error_that_names_the_place(
    damage: Callable[[dict[str, Any]], object], place: str
) -> None:
    plain: dict[str, Any] = FULL.to_dict()
    damage(plain)
    with pytest.raises(EvaluationError, match="not a measurement") as caught:
        Measurement.from_dict(plain)
    assert caught.value.where == place


def test_json_with_a_row_taken_out_is_an_error() -> None:
    plain: dict[str, Any] = FULL.to_dict()
    del plain["scores"][0]
    with pytest.raises(EvaluationError, match="exactly one value"):
        Measurement.from_dict(plain)


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_is_no_json_is_an_error(value: object) -> None:
    with pytest.raises(EvaluationError, match="not a measurement"):
        Measurement.from_dict(FULL.to_dict() | {"main": value})
