"""The rows of a measurement. None of them carries text of a document."""

from __future__ import annotations

from dataclasses import dataclass

from evals.golden import Kind


@dataclass(frozen=True, slots=True)
class Asked:
    """A golden question that was asked; ``fingerprint`` is that of its contents, ``tags`` are its slices."""

    question: str
    kind: Kind
    fingerprint: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The value of ``metric`` for an answerable question; ``failed``: the search did, and this is a 0."""

    question: str
    system: str
    metric: str
    value: float
    failed: bool


@dataclass(frozen=True, slots=True)
class Leak:
    """``document`` came back to ``principal``, who may not have it, from each of ``systems``."""

    question: str
    principal: str
    document: str
    systems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A search, or the check of what it returned, that raised ``error`` (a class name)."""

    question: str
    system: str
    error: str
    message: str
