"""How numbers and lists of ids read in a verdict or a report."""

from __future__ import annotations

from collections.abc import Sequence

from evals.statistics import Interval


def pair(first: float, second: float) -> tuple[str, str]:
    """Both with three decimals, or as many more (to six) as tell them apart: never ``0.600 < 0.600``."""
    for decimals in (3, 4, 5, 6):
        texts = f"{first:.{decimals}f}", f"{second:.{decimals}f}"
        if first == second or texts[0] != texts[1]:
            break
    return texts


def interval(difference: Interval, confidence: float) -> str:
    """``95 % interval -0.450 to -0.310``."""
    return f"{confidence * 100:g} % interval {difference.low:+.3f} to {difference.high:+.3f}"


def named(ids: Sequence[str], most: int = 5) -> str:
    """``a, b and 3 more``."""
    shown = ", ".join(ids[:most])
    return f"{shown} and {len(ids) - most} more" if len(ids) > most else shown


def counted(number: int, noun: str) -> str:
    """``1 question``, ``2 questions``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
