"""How sure a share is that was counted in a sample: 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

_Z = 1.959964
"""Of the standard normal distribution 95 % lie within so many deviations."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """``count`` of the ``sampled``, which were drawn from ``population``.

    ``share`` estimates the population's, between ``low`` and ``high`` with 95 % confidence; from 0 to 1. None where
    nothing was there to be looked at.
    """

    count: int
    sampled: int
    population: int
    share: float | None
    low: float | None
    high: float | None


def proportion(count: int, sampled: int, population: int) -> Proportion:
    """``count`` of ``sampled``, drawn without replacement from ``population``, each as likely as any other.

    The score interval of E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212. It is
    for endless populations, and so a little too wide for others. Its ends are drawn in to what is certain: those
    that were counted are there, and no more can be added than were not looked at. Where everything was looked at
    there is no error of sampling, and the interval has no width.
    """
    if not sampled:
        return Proportion(count, sampled, population, None, None, None)
    share = count / sampled
    shrunk = 1 + _Z**2 / sampled
    center = (share + _Z**2 / (2 * sampled)) / shrunk
    reach = _Z / shrunk * sqrt(share * (1 - share) / sampled + _Z**2 / (4 * sampled**2))
    low = max(center - reach, count / population)
    high = min(center + reach, (count + population - sampled) / population)
    # Rounding must not put the share outside.
    return Proportion(count, sampled, population, share, min(low, share), max(high, share))


def together(parts: Sequence[Proportion]) -> Proportion:
    """The share in the union of populations that were sampled each by itself.

    Each counts by the size of its population, for a small one may have been looked at more closely. The interval is
    the MOVER of Zou, Huang and Zhang, Computational Statistics & Data Analysis 53 (2009), 1080-1085: distances from
    the parts' shares to their ends, weighted, add up as squares.
    """
    there = [part for part in parts if part.sampled]
    count, sampled = sum(part.count for part in there), sum(part.sampled for part in there)
    population = sum(part.population for part in there)
    if not there:
        return Proportion(count, sampled, population, None, None, None)
    share = below = above = 0.0
    for part in there:
        assert part.share is not None
        assert part.low is not None
        assert part.high is not None
        weight = part.population / population
        share += weight * part.share
        below += (weight * (part.share - part.low)) ** 2
        above += (weight * (part.high - part.share)) ** 2
    return Proportion(
        count, sampled, population, share, max(0.0, share - sqrt(below)), min(1.0, share + sqrt(above))
    )
