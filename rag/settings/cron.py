"""Whether five cron fields can be meant: ranges, steps and names, and a day that exists."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ENTRY = re.compile(r"(?:(\*)|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?")


def cron(text: str) -> str:
    """``text`` with single spaces. Raises ``ValueError``, which names the field but not the text."""
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError("expected five cron fields: minute, hour, day of the month, month, day of the week")
    _, _, days, months, _ = (_numbers(part, *field) for part, field in zip(parts, _FIELDS, strict=True))
    if parts[4] == "*" and min(days) > max(_LONGEST[month - 1] for month in months):
        raise ValueError("this cron schedule never comes: no such day in any of its months")
    return " ".join(text.split())


def _numbers(part: str, name: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for entry in part.split(","):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(f"the cron field for the {name} is not a number, range, step or list of these")
        star, first, last, step = match.groups()
        start = low if star else _number(first, name, names)
        # "5/10" means from 5 on, every 10.
        end = _number(last, name, names) if last else high if star or step else start
        if not low <= start <= end <= high or step == "0" or step == "00":
            raise ValueError(f"the cron field for the {name} is outside {low} to {high}, or runs backwards")
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, name: str, names: dict[str, int]) -> int:
    if text.isdigit():
        return int(text)
    if text not in names:
        raise ValueError(f"the cron field for the {name} has a name in it that is none")
    return names[text]
