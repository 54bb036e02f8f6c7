"""What stands in front of a passage when it is embedded."""

from __future__ import annotations

from rag.chunking.tokens import Tokenizer

_BETWEEN = " > "


class Contexts:
    """Contexts of one document: its title and a heading path, within ``max_tokens`` tokens."""

    def __init__(self, tokenizer: Tokenizer, title: str, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._title = " ".join(title.split())
        self._max_tokens = max_tokens
        self._known: dict[tuple[tuple[str, ...], str], tuple[str, int]] = {}

    def of(self, path: tuple[str, ...], header: str = "") -> tuple[str, int]:
        """(context, its length in tokens) for a heading path and, for part of a table, its header row."""
        key = (path, header)
        if key not in self._known:
            self._known[key] = self._make(path, header)
        return self._known[key]

    def _make(self, path: tuple[str, ...], header: str) -> tuple[str, int]:
        parts = [part for part in (self._title, *path) if part]
        if len(parts) > 1 and _alike(parts[0], parts[1]) and self._title:
            del parts[1]
        # Too long: the outer headings go first, since the title and the nearest heading say most.
        while len(parts) > 2 and self._length(_BETWEEN.join(parts)) > self._max_tokens:
            del parts[1]
        headings = _BETWEEN.join(parts)
        if not header:
            return self._cut(headings, self._max_tokens)
        headings, used = self._cut(headings, self._max_tokens // 2)
        row, _ = self._cut(header, self._max_tokens - used)
        return self._cut("\n".join(part for part in (headings, row) if part), self._max_tokens)

    def _length(self, text: str) -> int:
        return len(self._tokenizer.offsets(text)) if text else 0

    def _cut(self, text: str, max_tokens: int) -> tuple[str, int]:
        """``text`` cut after whole tokens, and its length, which is counted anew after the cut."""
        offsets = self._tokenizer.offsets(text) if text else []
        keep = max_tokens
        while len(offsets) > max_tokens and keep > 0:
            text = text[: offsets[keep - 1][1]].rstrip()
            offsets = self._tokenizer.offsets(text) if text else []
            keep = min(keep, len(offsets)) - 1
        return (text, len(offsets)) if len(offsets) <= max_tokens else ("", 0)


def _alike(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
