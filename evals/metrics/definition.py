"""What a metric is, apart from how it is computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Metric:
    """A measure of one ranking against one question's grades.

    ``measure`` is its name in ir-measures; values lie in ``low`` to ``high``; ``default`` is the value of a
    question whose search failed or returned nothing; ``citation`` names the paper or book behind it.
    """

    name: str
    measure: str
    low: float
    high: float
    higher_is_better: bool
    default: float
    citation: str

    def __repr__(self) -> str:
        """Its name: ``metric(repr(m))`` is ``m``."""
        return self.name
