"""The lines of a PDF page with their places, and the blocks that they form.

All lengths are PDF points, y upwards.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_TERMINAL = re.compile(r"""[.!?:;][)"'\]”’»]*\d{0,3}$""")
_BULLET = re.compile(
    r"^(?:[•◦▪●○■–‣∙·\uf0b7\uf0a7\uf0d8]\s*\S|[-*]\s+\S|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s+\S)"
)
_WORDS = re.compile(r"[^\W\d_]{2}")
_TAIL_WORD = re.compile(r"(\w+)$")
_HEAD_WORD = re.compile(r"^(\w+)")


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line. ``size`` is its font size; ``broken``: it ended in a hyphen at the margin."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    bold: bool
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, as text. ``is_item``: it begins with a bullet or a number."""

    text: str
    size: float
    bold: bool
    lines: int
    is_item: bool


def blocks(lines: Sequence[Line], words: Collection[str]) -> list[Block]:
    """Joins a page's lines, in reading order, into paragraphs.

    ``words`` are the words of the whole document, lower case, by which a hyphen at a line's end is
    judged: "re-" and "cent" give "recent" unless the document knows "re-cent".
    """
    pitch = _usual_pitch(lines)
    found: list[Block] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or _parted(lines, index, pitch):
            found.append(_block(lines[start:index], words))
            start = index
    return [block for block in found if block.text]


def _usual_pitch(lines: Sequence[Line]) -> float:
    """The usual distance from one line to the next, as a multiple of the font size."""
    steps = [
        (a.bottom - b.bottom) / b.size
        for a, b in pairwise(lines)
        if b.size > 0 and _same_size(a, b) and 0.8 < (a.bottom - b.bottom) / b.size < 2.6
    ]
    return median(steps) if steps else 1.2


def _same_size(a: Line, b: Line) -> bool:
    return abs(a.size - b.size) <= 0.12 * max(a.size, b.size)


def _same_row(a: Line, b: Line) -> bool:
    overlap = min(a.top, b.top) - max(a.bottom, b.bottom)
    return overlap > 0.4 * min(a.top - a.bottom, b.top - b.bottom) and b.left >= a.left


def _parted(lines: Sequence[Line], index: int, pitch: float) -> bool:
    """True if a new block begins at ``lines[index]``."""
    before, line = lines[index - 1], lines[index]
    if before.broken or _same_row(before, line):
        return False
    if _BULLET.match(line.text):
        return True
    if not _same_size(before, line) or before.bold != line.bold:
        # A superscript or a bold word at the start of a line is no new block; a whole line is.
        return len(line.text) > 3 and len(before.text) > 3
    ended = bool(_TERMINAL.search(before.text))
    if line.bottom > before.bottom:  # on to the next column
        return ended or not line.text[:1].islower()
    if (before.bottom - line.bottom) / max(line.size, 1) > max(1.35 * pitch, pitch + 0.35):
        return True
    indented = line.left > before.left + 0.8 * line.size
    short = before.right < line.right - 3 * line.size
    return ended and (indented or short)


def _block(lines: Sequence[Line], words: Collection[str]) -> Block:
    text = lines[0].text
    margin = max(line.right for line in lines)
    width = margin - min(line.left for line in lines)
    for before, line in pairwise(lines):
        if before.broken:
            text = _mend(text, line.text, words)
        elif _same_row(before, line):
            text += ("" if line.left - before.right < 0.15 * line.size else " ") + line.text
        else:
            # A line that stops well before the margin was meant to, and so was a row of numbers.
            in_column = line.bottom < before.bottom
            meant = in_column and (
                before.right < margin - 0.3 * width or not _WORDS.search(before.text + line.text)
            )
            text += ("\n" if meant else " ") + line.text
    longest = max(lines, key=lambda line: len(line.text))
    return Block(
        text.strip(),
        longest.size,
        all(line.bold for line in lines),
        len(lines),
        bool(_BULLET.match(text)),
    )


def _mend(before: str, after: str, words: Collection[str]) -> str:
    """Joins two lines of which the first ended in a hyphen (already taken off)."""
    tail, head = _TAIL_WORD.search(before), _HEAD_WORD.match(after)
    if not tail or not head:
        return f"{before}-{after}"
    whole, hyphenated = (tail[1] + head[1]).lower(), f"{tail[1]}-{head[1]}".lower()
    if whole in words:
        return before + after
    keeps = (
        hyphenated in words
        or not head[1][0].islower()
        or any(character.isdigit() for character in tail[1] + head[1])
        # Both halves stand alone elsewhere, as in "dual-encoder".
        or (len(tail[1]) > 3 and len(head[1]) > 3 and tail[1].lower() in words and head[1].lower() in words)
    )
    return f"{before}-{after}" if keeps else before + after
