"""A golden question, and a set of them with its fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["answerable", "unanswerable", "forbidden"]
KINDS: tuple[Kind, ...] = ("answerable", "unanswerable", "forbidden")


@dataclass(frozen=True, slots=True)
class Question:
    """One question, asked as ``principal``.

    ``expected`` maps document keys ``<source>/<id>`` to grades, whole numbers from 0 (judged not relevant).
    For ``forbidden`` it lists what must not come back, whatever the grade. ``where`` is ``file:line``. ``evidence``
    maps documents that are expected to the characters ``[start, end)`` of their parsed text that answer it.
    """

    id: str
    question: str
    principal: str
    kind: Kind
    expected: Mapping[str, int]
    answer: str | None
    tags: tuple[str, ...]
    where: str
    evidence: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of all but ``where``; the order of ``expected`` and ``tags`` does not matter."""
        parts: list[object] = [
            self.id,
            self.question,
            self.principal,
            self.kind,
            dict(self.expected),
            self.answer,
            sorted(set(self.tags)),
        ]
        if self.evidence:  # without, a question keeps the fingerprint that it always had
            parts.append({document: sorted(spans) for document, spans in self.evidence.items()})
        return _digest(parts)


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """Questions with distinct ids, in the order of their files."""

    questions: tuple[Question, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the questions' contents, however they are spread over files and lines."""
        return _digest(sorted(question.fingerprint for question in self.questions))

    def of_kind(self, kind: Kind) -> tuple[Question, ...]:
        """The questions of one kind, in order."""
        return tuple(question for question in self.questions if question.kind == kind)


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
