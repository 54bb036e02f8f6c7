"""Where a document's tokens lie, so that lengths in tokens are a matter of arithmetic."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Protocol

from rag.parsing.elements import ParsedDocument

# The longest word that WordPiece looks into; anything longer is one unknown token. Counted as several, so
# that a passage cannot grow without end on words that are no words.
_LONGEST_WORD_CHARS = 100
# Long elements are tokenised piece by piece, cut at line ends: a table may have a hundred megabytes.
_PIECE_CHARS = 50_000


class Tokenizer(Protocol):
    """The embedder's own tokenizer."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of every token, without special tokens, never truncated."""
        ...


class TokenMap:
    """The tokens of a document; every element is tokenised once, by itself."""

    def __init__(self, tokenizer: Tokenizer, document: ParsedDocument) -> None:
        self._starts = array("Q")
        for element in document.elements:
            for start, end in _pieces(document.text, element.start, element.end):
                offsets = tokenizer.offsets(document.text[start:end])
                if all(last - first <= _LONGEST_WORD_CHARS for first, last in offsets):
                    self._starts.extend([start + first for first, _ in offsets])
                else:
                    for first, last in offsets:
                        self._starts.extend(range(start + first, start + last, _LONGEST_WORD_CHARS))

    def count(self, start: int, end: int) -> int:
        """How many tokens begin within these characters."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def reach(self, start: int, tokens: int, end: int) -> int:
        """The furthest position, at most ``end``, up to which ``start`` has at most ``tokens`` tokens."""
        index = bisect_left(self._starts, start) + tokens
        return min(end, self._starts[index]) if index < len(self._starts) else end

    def back(self, position: int, tokens: int, start: int) -> int:
        """The position, at least ``start``, that lies ``tokens`` tokens before ``position``."""
        index = bisect_left(self._starts, position) - tokens
        return max(start, self._starts[index]) if index >= 0 else start


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces = []
    while end - start > _PIECE_CHARS:
        cut = text.rfind("\n", start, start + _PIECE_CHARS) + 1
        if cut <= start:
            cut = text.rfind(" ", start, start + _PIECE_CHARS) + 1
        if cut <= start:
            cut = start + _PIECE_CHARS
        pieces.append((start, cut))
        start = cut
    pieces.append((start, end))
    return pieces
