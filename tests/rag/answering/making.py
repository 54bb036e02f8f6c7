"""Passages and a model for the tests of answers."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answering import Completion, Message, Usage
from rag.errors import ModelError
from rag.retrieval import Hit


def hit(
    text: str,
    *,
    title: str = "",
    headings: tuple[str, ...] = (),
    document: str = "handbook/leave.md",
    uri: str | None = None,
    start: int = 0,
) -> Hit:
    return Hit(1, 0.5, document, title, uri, text, None, (start, start + len(text)), None, headings)


class ScriptedModel:
    """Says what it was given to say, and remembers what it was asked."""

    def __init__(self, says: str | ModelError) -> None:
        self.says = says
        self.asked: list[list[Message]] = []

    @property
    def fingerprint(self) -> str:
        return "scripted"

    def complete(self, messages: Sequence[Message]) -> Completion:
        self.asked.append(list(messages))
        if isinstance(self.says, ModelError):
            raise self.says
        return Completion(self.says, Usage(1, 100, 10, 0.01))
