"""Collects elements, and keeps their spans true while it does."""

from __future__ import annotations

from rag.parsing.cleaning import clean_line, clean_text
from rag.parsing.elements import Element, ElementKind, ParsedDocument

_SEPARATOR = "\n\n"
_DEEPEST = 6
_LONGEST_TITLE = 300


class DocumentBuilder:
    """Makes a ``ParsedDocument`` of blocks given in reading order. Blank blocks are left out."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._elements: list[Element] = []
        self._length = 0

    def add(self, kind: ElementKind, text: str, *, level: int | None = None, page: int | None = None) -> None:
        """Appends one block. A heading becomes one line; ``level`` is brought into 1 to 6."""
        text = clean_line(text) if kind == "heading" else _without_blank_edges(clean_text(text))
        if not text:
            return
        if self._parts:
            self._parts.append(_SEPARATOR)
            self._length += len(_SEPARATOR)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        depth = min(max(level or 1, 1), _DEEPEST) if kind == "heading" else None
        self._elements.append(Element(kind, text, start, self._length, depth, page))

    def add_table(self, rows: list[list[str]], *, page: int | None = None) -> None:
        """Appends a table: rows as lines, cells joined by " | ". Empty rows and trailing cells go."""
        self.add("table", "\n".join(line for row in rows if (line := table_line(row))), page=page)

    def build(self, *, title: str | None = None, prefer_heading: bool = True) -> ParsedDocument:
        """The document. ``title`` is the format's own; the first level-1 heading competes with it.

        With ``prefer_heading`` the heading wins; otherwise it only fills in for a missing title.
        """
        heading = next((e.text for e in self._elements if e.kind == "heading" and e.level == 1), None)
        own = clean_line(title or "") or None
        chosen = (heading or own) if prefer_heading else (own or heading)
        return ParsedDocument(
            "".join(self._parts), tuple(self._elements), chosen[:_LONGEST_TITLE] if chosen else None
        )


def table_line(cells: list[str]) -> str:
    """One row of a table as a line: empty where no cell has text."""
    texts = [clean_line(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    # An empty cell still takes its place, so that a value stays below its column's name.
    return " | ".join(texts).strip() if any(texts) else ""


def _without_blank_edges(text: str) -> str:
    lines = text.split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines).rstrip()
