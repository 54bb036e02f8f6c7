"""Shares in samples, with intervals that were worked out by hand."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.maintenance import Proportion, proportion, together

ENDLESS = 10**12


def test_ten_of_a_hundred() -> None:
    # z² = 3.841459. Center (0.1 + 0.01920729) / 1.03841459 = 0.11479739; reach 1.959964 / 1.03841459 *
    # sqrt(0.09 / 100 + 3.841459 / 40000) = 1.88745863 * sqrt(0.00099603647) = 0.05956826
    found = proportion(10, 100, ENDLESS)
    assert found.share == 0.1
    assert found.low == pytest.approx(0.05522914, abs=1e-7)
    assert found.high == pytest.approx(0.17436566, abs=1e-7)


def test_none_of_two_hundred_leaves_up_to_two_percent() -> None:
    # z² / (n + z²) = 3.841459 / 203.841459
    found = proportion(0, 200, ENDLESS)
    assert (found.share, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.01884533, abs=1e-7)
    assert proportion(200, 200, ENDLESS).low == pytest.approx(1 - 0.01884533, abs=1e-7)


def test_where_everything_was_looked_at_there_is_no_error_of_sampling() -> None:
    assert proportion(1, 4, 4) == Proportion(1, 4, 4, 0.25, 0.25, 0.25)
    assert proportion(0, 1, 1) == Proportion(0, 1, 1, 0.0, 0.0, 0.0)


def test_the_ends_are_drawn_in_to_what_is_certain() -> None:
    """One of four was counted, and one more was not looked at: of five it is one or two."""
    found = proportion(1, 4, 5)
    assert (found.low, found.high) == (0.2, 0.4)


def test_of_nothing_there_is_no_share() -> None:
    assert proportion(0, 0, 0) == Proportion(0, 0, 0, None, None, None)
    assert together([]) == together([proportion(0, 0, 0)]) == Proportion(0, 0, 0, None, None, None)


def test_together_each_counts_by_the_size_of_its_population() -> None:
    """Half of the small source and nothing of one three times as large: an eighth, not a fifth or a half."""
    small, large = Proportion(5, 10, 100, 0.5, 0.3, 0.8), Proportion(0, 90, 300, 0.0, 0.0, 0.04)
    found = together([small, large, proportion(0, 0, 0)])
    assert (found.count, found.sampled, found.population) == (5, 100, 400)
    assert found.share == 0.125
    # 0.25 * 0.2 = 0.05 below; above, 0.25 * 0.3 = 0.075 and 0.75 * 0.04 = 0.03
    assert found.low == pytest.approx(0.125 - 0.05)
    assert found.high == pytest.approx(0.125 + sqrt(0.075**2 + 0.03**2))


def test_together_with_nothing_else_is_itself() -> None:
    alone = proportion(3, 40, 1000)
    found = together([alone])
    assert found.share == alone.share
    assert found.low == pytest.approx(alone.low)
    assert found.high == pytest.approx(alone.high)


@given(st.integers(1, 300), st.data())
def test_the_share_lies_in_its_interval_and_that_from_nothing_to_one(
    sampled: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, sampled))
    found = proportion(count, sampled, sampled + data.draw(st.integers(0, 1000)))
    assert found.low is not None
    assert found.share is not None
    assert found.high is not None
    assert 0 <= found.low <= found.share <= found.high <= 1
