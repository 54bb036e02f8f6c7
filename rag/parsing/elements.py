"""What a parsed document is: its text, and the elements that the text is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ElementKind = Literal["heading", "paragraph", "list_item", "table", "code"]


@dataclass(frozen=True, slots=True)
class Element:
    """One block of a document.

    ``start`` and ``end`` are character positions in the document's text, so that
    ``text == document.text[start:end]``. ``level`` is a heading's depth, 1 to 6, and None for all else.
    ``page`` is the 1-based page, slide or sheet, None where the format has none. A table's text holds
    one row a line, cells joined by " | ", the header row first.
    """

    kind: ElementKind
    text: str
    start: int
    end: int
    level: int | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document's text (its elements' texts joined by blank lines), its elements, and its own title.

    ``title`` is what the document says of itself (a level-1 heading, HTML title, mail subject, office
    property); None if it says nothing.
    """

    text: str
    elements: tuple[Element, ...]
    title: str | None
