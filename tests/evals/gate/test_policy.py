import math
from dataclasses import replace
from typing import Any

import pytest

from evals.gate import Bar, GatePolicy
from rag.errors import ConfigurationError
from tests.evals.making import golden, question


def test_a_sound_policy_is_taken_as_it_is() -> None:
    policy = GatePolicy({"nDCG@10": Bar(floor=0.6, margin=0.02), "MRR": Bar()})
    assert policy.metrics["nDCG@10"].floor == 0.6
    assert policy.metrics["MRR"] == Bar(None, 0.0)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"metrics": {"nDCG@1O": Bar()}}, "unknown metric 'nDCG@1O'; the nearest known is 'nDCG@10'"),
        ({"metrics": {"MRR": Bar(floor=60)}}, "the floor 60 of MRR is not from 0 to 1"),
        ({"metrics": {"MRR": Bar(floor=-0.1)}}, "the floor -0.1 of MRR"),
        ({"metrics": {"MRR": Bar(floor=math.nan)}}, "the floor nan of MRR"),
        ({"metrics": {"MRR": Bar(margin=-0.1)}}, "the margin -0.1 of MRR"),
        ({"metrics": {"MRR": Bar(margin=math.inf)}}, "the margin inf of MRR"),
        ({"metrics": {"MRR": Bar(slices={"mail": -0.1})}}, "the margin -0.1 of MRR"),
        ({"confidence": 95}, "confidence 95"),
        ({"resamples": 0}, "0 resamples"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_an_error(wrong: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GatePolicy(**wrong)
    assert what in caught.value.what


def test_a_slice_that_no_question_is_in_is_an_error_with_the_nearest() -> None:
    policy = GatePolicy({"MRR": Bar(slices={"topic:leafe": 0.1})})
    tagged = replace(question("1"), tags=("topic:leave", "style:how-to"))
    with pytest.raises(ConfigurationError) as caught:
        policy.check_slices(golden(tagged))
    assert "no answerable question has the tag 'topic:leafe', a slice of MRR" in caught.value.what
    assert "the nearest known is 'topic:leave'" in caught.value.what
    with pytest.raises(ConfigurationError):
        policy.check_slices(golden())
    GatePolicy({"MRR": Bar(slices={"topic:leave": 0.1})}).check_slices(golden(tagged))
