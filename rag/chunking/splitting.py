"""Cuts text that is too long: at sentence ends or line ends, else between words, else between tokens."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from rag.chunking.tokens import TokenMap

# A sentence ends at .!?… with closing quotes, before white space and something that can begin the next.
_SENTENCE_END = re.compile(r"""[.!?…]["'”’»)\]]*\s+(?=["'“‘«(\[]*[^\W_a-z]|[-•*]\s)|[。！？]+|\n\s*""")
# Always followed by more of the sentence, or only before a number ("No. 7", but "He said no.").
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|al|etc|approx|ca|dr|mr|mrs|ms|prof|st|inc|ltd|dept)|\b[A-Za-z])\.$",
    re.IGNORECASE,
)
_BEFORE_NUMBER = re.compile(
    r"\b(?:no|nos|fig|figs|eq|eqs|ref|refs|vol|pp?|sec|ch|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION_CHARS = 8
_LONGEST_WORD_CHARS = 200


def sentence_starts(text: str, start: int, end: int) -> list[int]:
    """Positions strictly within ``start`` to ``end`` where a sentence begins, ascending."""
    found = []
    for match in _SENTENCE_END.finditer(text, start, end):
        if text[match.start()] == "." and _is_abbreviation(text, start, match):
            continue
        if start < match.end() < end:
            found.append(match.end())
    return found


def line_starts(text: str, start: int, end: int) -> list[int]:
    """Positions strictly within ``start`` to ``end`` where a line begins, ascending."""
    found = []
    position = text.find("\n", start, end)
    while position != -1 and position + 1 < end:
        found.append(position + 1)
        position = text.find("\n", position + 1, end)
    return found


def split(
    text: str,
    tokens: TokenMap,
    start: int,
    end: int,
    *,
    budget: int,
    first_budget: int,
    breaks: Sequence[int],
    fill: float,
    overlap: int,
) -> list[tuple[int, int]]:
    """Spans of at most ``budget`` tokens (the first ``first_budget``) that cover ``start`` to ``end``.

    A span ends at the last of ``breaks`` that leaves it filled to the share ``fill``; without one, after
    a word; without one, after a token. Each span begins up to ``overlap`` tokens before the last one's
    end, at a break if one lies there, otherwise at a word.
    """
    spans: list[tuple[int, int]] = []
    position, covered, room = start, start, first_budget
    while True:
        limit = tokens.reach(position, max(1, room), end)
        if limit >= end:
            spans.append((position, end))
            return spans
        if limit <= covered:  # one token takes all the room: it goes through whole
            limit = tokens.reach(covered, 1, end)
        least = max(covered, tokens.reach(position, int(room * fill), limit))
        cut = _last_break(breaks, least, limit) or _last_word_end(text, covered, limit) or limit
        spans.append((position, cut))
        covered = cut
        position = _overlap_start(text, tokens, breaks, position, cut, min(overlap, budget // 2))
        room = budget
        if cut >= end:
            return spans


def _last_break(breaks: Sequence[int], above: int, limit: int) -> int | None:
    """The last of ``breaks`` that is above ``above`` and at most ``limit``."""
    index = bisect_right(breaks, limit) - 1
    return breaks[index] if index >= 0 and breaks[index] > above else None


def _last_word_end(text: str, above: int, limit: int) -> int | None:
    """The last position at most ``limit`` that has white space before it, above ``above``."""
    position = limit
    lowest = max(above, limit - _LONGEST_WORD_CHARS)  # some scripts have no blanks: no search to the start
    while position > lowest:
        if text[position - 1].isspace():
            # Not where there is nothing but white space to cut off: that would be no progress.
            return position if text[above:position].strip() else None
        position -= 1
    return None


def _overlap_start(
    text: str, tokens: TokenMap, breaks: Sequence[int], start: int, cut: int, overlap: int
) -> int:
    if overlap <= 0:
        return cut
    earliest = tokens.back(cut, overlap, start)
    if earliest <= start:
        return cut
    index = bisect_right(breaks, earliest - 1)
    if index < len(breaks) and breaks[index] < cut:
        return breaks[index]
    while earliest < cut and not text[earliest - 1].isspace():
        earliest += 1
    return earliest


def _is_abbreviation(text: str, start: int, end_of_sentence: re.Match[str]) -> bool:
    dot = end_of_sentence.start()
    word = text[max(start, dot - _LONGEST_ABBREVIATION_CHARS) : dot + 1]
    before_number = text[end_of_sentence.end() : end_of_sentence.end() + 1].isdigit()
    return bool(_ABBREVIATION.search(word) or (before_number and _BEFORE_NUMBER.search(word)))
