import math
from typing import Any

import pytest

from evals.gate import Bar, GatePolicy
from rag.errors import ConfigurationError


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
        ({"confidence": 95}, "confidence 95"),
        ({"resamples": 0}, "0 resamples"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_an_error(wrong: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GatePolicy(**wrong)
    assert what in caught.value.what
