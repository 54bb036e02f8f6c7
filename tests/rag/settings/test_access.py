"""When access is brought up to date."""

from __future__ import annotations

import pytest

from tests.rag.settings.conftest import MINIMAL, Load, Refuse


def test_every_five_minutes_unless_told_otherwise(load: Load) -> None:
    assert load(MINIMAL).access.sync.schedule == "*/5 * * * *"
    assert load(MINIMAL + "access: {sync: {}}\n").access.sync.schedule == "*/5 * * * *"


def test_another_schedule_or_none(load: Load) -> None:
    assert load(MINIMAL + 'access: {sync: {schedule: "0  3 * * *"}}\n').access.sync.schedule == "0 3 * * *"
    assert load(MINIMAL + "access: {sync: {schedule: null}}\n").access.sync.schedule is None


@pytest.mark.parametrize("value", ["hourly", "5", "'* * * *'", "'61 * * * *'", "[]", "true", "''"])
def test_a_schedule_is_five_cron_fields(refuse: Refuse, value: str) -> None:
    error = refuse(MINIMAL + f"access:\n  sync:\n    schedule: {value}\n")
    assert error.where == "lockgate.yaml:6"
    assert error.what.startswith("access.sync.schedule: ")


def test_an_unknown_key_offers_the_nearest(refuse: Refuse) -> None:
    error = refuse(MINIMAL + "access: {sink: {}}\n")
    assert error.what == "access: unknown key 'sink'; did you mean 'sync'?"
