"""What a metric is, apart from how it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["answerable", "evidence", "reference", "all"]
"""The questions that a metric has a value for: the answerable ones, those of them that name the characters of their
evidence, those that have a reference answer, or every question that was asked."""
Of = Literal["ranking", "passages", "answer"]
"""What is measured: the ranked documents of a system, the passages that an answer is made from, or the answer."""


@dataclass(frozen=True, slots=True, repr=False)
class Metric:
    """A measure of one question's ranking, passages or answer.

    ``measure`` is its name in ir-measures, for a ranking; values lie in ``low`` to ``high``; ``default`` is the
    value of a question whose search, answer or judge failed, or whose search returned nothing; ``citation`` names
    the paper or book behind it. One that is ``judged`` is as good as the judge of the evaluation.
    """

    name: str
    measure: str
    low: float
    high: float
    higher_is_better: bool
    default: float
    citation: str
    of: Of = "ranking"
    scope: Scope = "answerable"
    judged: bool = False

    def __repr__(self) -> str:
        """Its name: ``metric(repr(m))`` is ``m``."""
        return self.name
