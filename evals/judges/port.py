"""The port that every judge of answers fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rag.answering.port import Usage


@dataclass(frozen=True, slots=True)
class Case:
    """One answer to be judged: the question, what was said, the passages that it was made from, best first, and the
    reference answer, if there is one."""

    question: str
    answer: str
    passages: tuple[str, ...]
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge thinks, ``{metric: value from 0 to 1}``: ``Faithfulness`` always; others as it can."""

    scores: Mapping[str, float]
    usage: Usage = field(default=Usage())


@dataclass(frozen=True, slots=True)
class JudgeFailure:
    """A judge that gave no verdict: ``error`` is the name of a class, ``message`` holds no text of the case."""

    error: str
    message: str
    usage: Usage = field(default=Usage())


class Judge(Protocol):
    """Judges answers. Equal fingerprints give equal judgements, as far as the judge itself can promise that."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Digest of model pin, prompt and settings."""
        ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it can give; those that need a reference are absent for a case without one."""
        ...

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        """A verdict for each case, in their order. Never raises for what a case or an endpoint does: that is a
        ``JudgeFailure``."""
        ...
