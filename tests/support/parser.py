"""A parser of plain text that counts its calls."""

from __future__ import annotations

from rag.errors import ParseError
from rag.parsing import ParsedDocument
from rag.parsing.elements import Element

BROKEN = "BROKEN"
"""A document with this word in it cannot be parsed."""


class ParagraphParser:
    """A paragraph an element; remembers the names of what it parsed."""

    def __init__(self) -> None:
        self.parsed: list[str] = []

    def parse(self, name: str, data: bytes) -> ParsedDocument:
        self.parsed.append(name)
        text = data.decode()
        if BROKEN in text:
            raise ParseError("it is broken")
        return parsed_text(text)


def parsed_text(text: str) -> ParsedDocument:
    """Paragraphs are what blank lines part; ``text`` has no others than single ones."""
    elements, start = [], 0
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            elements.append(Element("paragraph", paragraph, start, start + len(paragraph)))
        start += len(paragraph) + 2
    return ParsedDocument(text, tuple(elements), None)
