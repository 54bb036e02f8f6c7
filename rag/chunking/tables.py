"""The header row of a table."""

from __future__ import annotations

from rag.parsing.elements import Element

_HEADER_ROWS = 6


def header_row(element: Element) -> tuple[str, int]:
    """(the header row of a table, where it ends): among the first rows the one with most cells.

    Titles and notes above the header have fewer cells. ("", 0) for a table of one column.
    """
    rows = element.text.split("\n", _HEADER_ROWS)[:_HEADER_ROWS]
    best = max(range(len(rows)), key=lambda index: (rows[index].count(" | "), -index))
    if " | " not in rows[best]:
        return "", 0
    return rows[best], element.start + sum(len(row) + 1 for row in rows[: best + 1]) - 1
