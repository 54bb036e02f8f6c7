"""Cron schedules that can be meant."""

from __future__ import annotations

import pytest

from rag.settings.cron import cron


@pytest.mark.parametrize(
    "text",
    [
        "0 * * * *",
        "*/15 9-17 * * mon-fri",
        "0,30 0 1-7/2 JAN,jul 0",
        "59 23 31 12 7",
        "5/10 * * * *",
        "0 0 29 2 *",
        "0 0 31 2 1",  # a day of the week makes it come
    ],
)
def test_a_plausible_schedule_passes(text: str) -> None:
    assert cron(text) == text


def test_white_space_becomes_single_spaces() -> None:
    assert cron(" 0  *\t* * * ") == "0 * * * *"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "expected five cron fields"),
        ("@daily", "expected five cron fields"),
        ("0 0 * * * *", "expected five cron fields"),
        ("60 * * * *", "the minute is outside 0 to 59"),
        ("* 24 * * *", "the hour is outside 0 to 23"),
        ("* * 0 * *", "the day of the month is outside 1 to 31"),
        ("* * * 13 *", "the month is outside 1 to 12"),
        ("* * * * 8", "the day of the week is outside 0 to 7"),
        ("30-10 * * * *", "the minute is outside 0 to 59, or runs backwards"),
        ("*/0 * * * *", "the minute is outside"),
        ("a * * * *", "the minute is not a number"),
        ("1,,2 * * * *", "the minute is not a number"),
        ("-1 * * * *", "the minute is not a number"),
        ("٣ * * * *", "the minute is not a number"),
        ("* * * foo *", "the month has a name in it that is none"),
        ("0 0 31 2,4 *", "never comes"),
    ],
)
def test_an_implausible_schedule_names_the_field(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        cron(text)
