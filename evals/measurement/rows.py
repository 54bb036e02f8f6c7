"""The rows of a measurement. None of them carries text of a document."""

from __future__ import annotations

from dataclasses import dataclass

from evals.golden import Kind
from evals.metrics.definition import Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """A golden question that was asked; ``fingerprint`` is that of its contents, ``tags`` are its slices.

    ``evidence`` and ``reference`` say whether it names the characters of its evidence, and has a reference answer.
    """

    question: str
    kind: Kind
    fingerprint: str
    tags: tuple[str, ...] = ()
    evidence: bool = False
    reference: bool = False

    def is_in(self, scope: Scope) -> bool:
        """Whether a metric of that scope has a value for it."""
        if scope == "all":
            return True
        if self.kind != "answerable":
            return False
        return {"answerable": True, "evidence": self.evidence, "reference": self.reference}[scope]


@dataclass(frozen=True, slots=True)
class Score:
    """The value of ``metric`` for a question; ``failed``: search, answer or judge did, and this is its default."""

    question: str
    system: str
    metric: str
    value: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a question: the passages that the answer was made from, as document and characters
    ``[start, end)``, the numbers of those that it cites, from 1, and whether it is a refusal."""

    question: str
    passages: tuple[tuple[str, int, int], ...]
    cited: tuple[int, ...]
    refused: bool


@dataclass(frozen=True, slots=True)
class Leak:
    """``document`` came back to ``principal``, who may not have it, from each of ``systems``."""

    question: str
    principal: str
    document: str
    systems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A search, an answer, a judgement, or a check of what was returned, that ended in ``error`` (a class name)."""

    question: str
    system: str
    error: str
    message: str
