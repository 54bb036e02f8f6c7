"""Which blocks of a PDF are headings, since a PDF does not say."""

from __future__ import annotations

from collections import Counter

from rag.parsing.pdf_lines import Block

_HEADING_RATIO = 1.15
_LONGEST_HEADING_CHARS = 200
_LONGEST_BOLD_HEADING_CHARS = 100


class HeadingLevels:
    """Which blocks are headings, and how deep: by font size against the body's, largest first."""

    def __init__(self, pages: list[list[Block]]) -> None:
        lengths: Counter[float] = Counter()
        for page in pages:
            for block in page:
                lengths[round(block.size * 2) / 2] += len(block.text)
        self._body = lengths.most_common(1)[0][0] if lengths else 0.0
        sizes = {round(b.size * 2) / 2 for page in pages for b in page if self._stands_out(b)}
        self._ranks = {size: min(rank, 4) for rank, size in enumerate(sorted(sizes, reverse=True), start=1)}
        self._below = min(len(self._ranks), 4) + 1

    def _stands_out(self, block: Block) -> bool:
        return (
            block.size >= _HEADING_RATIO * self._body
            and block.lines <= 4
            and len(block.text) <= _LONGEST_HEADING_CHARS
            and sum(character.isalpha() for character in block.text) >= 3
        )

    def of(self, block: Block) -> int | None:
        """The heading level of ``block``, 1 to 5; None if it is no heading."""
        if self._stands_out(block):
            return self._ranks[round(block.size * 2) / 2]
        is_bold_line = (
            block.bold
            and block.lines == 1
            and 3 <= len(block.text) <= _LONGEST_BOLD_HEADING_CHARS
            and block.text[-1] not in ".,;:"
            and block.size >= 0.95 * self._body
            and sum(character.isalpha() for character in block.text) >= 3
        )
        return self._below if is_bold_line else None
