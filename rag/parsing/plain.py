"""Plain text: paragraphs between blank lines.

``unstructured`` is left out here on purpose. Its ``partition_text`` takes about 30 ms for an abstract of
1,500 characters (it tags parts of speech to guess titles), against well under 1 ms here, sources of
thousands of short texts are common, and its bullet and paragraph guessing changes the text.
"""

from __future__ import annotations

import re

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.cleaning import clean_text
from rag.parsing.decoding import decode, looks_binary
from rag.parsing.elements import ParsedDocument

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


def parse_plain(data: bytes) -> ParsedDocument:
    """Paragraphs of a text file, lines kept as they are. Raises ParseError for bytes that are no text."""
    if looks_binary(data):
        raise ParseError("it is named like a text file but holds binary data")
    builder = DocumentBuilder()
    add_paragraphs(builder, decode(data))
    return builder.build()


def add_paragraphs(builder: DocumentBuilder, text: str) -> None:
    """Adds every block of ``text`` between blank lines as a paragraph."""
    for block in _BLANK_LINES.split(clean_text(text)):
        builder.add("paragraph", block)
