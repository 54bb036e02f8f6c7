"""Which old versions are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rag.settings import Retention
from tests.rag.settings.conftest import MINIMAL, Load, Refuse


def test_three_promoted_ones_and_a_day_unless_told_otherwise(load: Load) -> None:
    assert load(MINIMAL).retention == Retention(promoted=3, younger_than=timedelta(days=1))


def test_both_can_be_set_down_to_nothing(load: Load) -> None:
    retention = load(MINIMAL + "retention: {promoted: 0, younger_than: 0s}\n").retention
    assert (retention.promoted, retention.younger_than) == (0, timedelta(0))
    retention = load(MINIMAL + "retention: {promoted: 1000, younger_than: 3650d}\n").retention
    assert (retention.promoted, retention.younger_than) == (1000, timedelta(days=3650))


@pytest.mark.parametrize("value", ["promoted: -1", "promoted: 1001", "promoted: yes", "promoted: 1.5"])
def test_a_number_of_versions_is_whole_and_within_bounds(refuse: Refuse, value: str) -> None:
    error = refuse(MINIMAL + f"retention:\n  {value}\n")
    assert error.where == "lockgate.yaml:5"
    assert error.what.startswith("retention.promoted: ")


@pytest.mark.parametrize("value", ["3651d", "1", "-1d", "1w", "2.5d"])
def test_an_age_is_a_duration_within_bounds(refuse: Refuse, value: str) -> None:
    error = refuse(MINIMAL + f"retention:\n  younger_than: {value}\n")
    assert error.where == "lockgate.yaml:5"
    assert error.what.startswith("retention.younger_than: expected a duration")


def test_an_unknown_key_offers_the_nearest(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "retention: {younger: 1d}\n")
    assert error.what == "retention: unknown key 'younger'; did you mean 'younger_than'?"
