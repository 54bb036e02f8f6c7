"""CSV and TSV: one table.

The csv module of the standard library reads them, not ``unstructured``, whose data frames turn "007"
into 7, "NA" into nothing and whole numbers into decimals.
"""

from __future__ import annotations

import csv
import io

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.decoding import decode, looks_binary
from rag.parsing.elements import ParsedDocument

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 20
_LARGEST_FIELD_CHARS = 10_000_000


def parse_csv(data: bytes) -> ParsedDocument:
    """One table, its delimiter found by itself. Raises ParseError for bytes that are no text."""
    return _parse(data, None)


def parse_tsv(data: bytes) -> ParsedDocument:
    """One table of tab-separated cells. Raises ParseError for bytes that are no text."""
    return _parse(data, "\t")


def _parse(data: bytes, delimiter: str | None) -> ParsedDocument:
    if looks_binary(data):
        raise ParseError("it is named like a table of text but holds binary data")
    text = decode(data).replace("\0", "")
    csv.field_size_limit(_LARGEST_FIELD_CHARS)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(text)))
    except csv.Error as error:
        raise ParseError("its rows cannot be told apart; a quotation mark may be missing") from error
    builder = DocumentBuilder()
    builder.add_table(rows)
    return builder.build()


def _delimiter(text: str) -> str:
    """The delimiter that gives most of the first rows the same number of cells, more than one."""
    lines = text.splitlines()[:_SAMPLE_LINES]
    best, best_score = ",", 0.0
    for candidate in _DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=candidate) if row]
        if not widths:
            continue
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        score = widths.count(usual) / len(widths) * (usual > 1)
        if score > best_score:
            best, best_score = candidate, score
    return best
