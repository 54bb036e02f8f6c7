"""The sentences of passages that could answer something, each with what a reader would see around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.sentences import sentences
from rag.retrieval.hit import Hit

_WORD = re.compile(r"\w+")
_CELL = " | "
_FEWEST_WORDS = 4
_FEWEST_CELLS = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """``text`` is characters ``start`` to ``end`` of passage ``number``, which counts from 1.

    ``window`` is what it is understood by: the title and headings, then the sentence before it, or the header of
    its table, and the sentence. "At least ten weeks." alone says nothing of what it is about.
    """

    number: int
    start: int
    end: int
    text: str
    window: str


def candidates(passages: Sequence[Hit]) -> list[Candidate]:
    """The sentences of at least four words and the rows of at least two cells, in order, without headings and
    without questions, which answer nothing."""
    return [each for number, hit in enumerate(passages, start=1) for each in _of_passage(number, hit)]


def context_of(hit: Hit) -> str:
    """The title and the headings above a passage."""
    parts = dict.fromkeys(part.strip() for part in (hit.title, *hit.heading_path))
    return " > ".join(part for part in parts if part)


def _of_passage(number: int, hit: Hit) -> list[Candidate]:
    headings = {_plain(part) for part in (hit.title, *hit.heading_path)}
    context = context_of(hit)
    found = []
    before = header = ""
    for start, end in sentences(hit.text):
        text = hit.text[start:end]
        is_row = _CELL in text
        if is_row and not header:
            header = text
        around = header if is_row else before
        if _says_something(text, is_row) and _plain(text) not in headings:
            lines = dict.fromkeys(part for part in (context, around, text) if part)
            found.append(Candidate(number, start, end, text, "\n".join(lines)))
        before = text
        if not is_row:
            header = ""
    return found


def _says_something(text: str, is_row: bool) -> bool:
    if is_row:
        return sum(bool(_WORD.search(cell)) for cell in text.split(_CELL)) >= _FEWEST_CELLS
    return len(_WORD.findall(text)) >= _FEWEST_WORDS and not text.endswith("?")


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
