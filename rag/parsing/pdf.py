"""The text layer of a PDF, through pypdfium2, page by page.

``unstructured`` needs an OCR and layout stack for PDF that is not installed here; a scan is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.cleaning import clean_text
from rag.parsing.elements import ParsedDocument
from rag.parsing.office_archive import meaningful_title
from rag.parsing.pdf_headings import HeadingLevels
from rag.parsing.pdf_lines import Line, blocks

if TYPE_CHECKING:
    import pypdfium2

_HYPHENS = ("\x02", "\ufffe")  # what PDFium gives for a hyphen at a line's end, the line end with it
_WORD = re.compile(r"\w+(?:-\w+)*")
_BOLD_WEIGHT = 600
_WRONG_PASSWORD, _UNKNOWN_SECURITY = 4, 5


def parse_pdf(data: bytes) -> ParsedDocument:
    """Paragraphs, list items and headings (told by font size) with their pages.

    Raises ParseError for a PDF that is encrypted, damaged, or has no text layer.
    """
    import pypdfium2

    if b"%PDF" not in data[:2048]:
        raise ParseError("it is not a PDF: it does not begin like one")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (_WRONG_PASSWORD, _UNKNOWN_SECURITY):
            raise ParseError("it is encrypted: save it without a password") from error
        raise ParseError("it is damaged: it cannot be opened as a PDF") from error
    with document:
        pages, unreadable = _pages(document)
        title = meaningful_title(document.get_metadata_value("Title"))
    if not any(pages):
        if unreadable:
            raise ParseError("it is damaged: none of its pages can be read")
        raise ParseError("no text layer: it is a scan; run text recognition (OCR) on it first")
    return _build(pages, title)


def _pages(document: pypdfium2.PdfDocument) -> tuple[list[list[Line]], int]:
    """The lines of each page, and how many pages could not be loaded (they count as empty)."""
    import pypdfium2

    pages: list[list[Line]] = []
    unreadable = 0
    for index in range(len(document)):
        try:
            page = document[index]
            text_page = page.get_textpage()
        except pypdfium2.PdfiumError:
            unreadable += 1
            pages.append([])
            continue
        pages.append(_lines(text_page))
        text_page.close()
        page.close()
    return pages, unreadable


def _lines(text_page: pypdfium2.PdfTextPage) -> list[Line]:
    import pypdfium2.raw as raw

    handle = text_page.raw
    # Character by character, since only so do positions in the text and on the page agree.
    characters = [chr(raw.FPDFText_GetUnicode(handle, i)) for i in range(text_page.count_chars())]
    lines: list[Line] = []
    start = 0
    for index in range(len(characters) + 1):
        ends = index == len(characters) or characters[index] in "\r\n"
        hyphen = not ends and characters[index] in _HYPHENS
        if not ends and not hyphen:
            continue
        shown = [i for i in range(start, index) if not characters[i].isspace()]
        if shown:
            text = _join("".join(characters[start:index]))
            lines.append(_line(text_page, text, shown[0], shown[-1], broken=hyphen))
        start = index + 1
    return [line for line in lines if line.text]


def _line(text_page: pypdfium2.PdfTextPage, text: str, first: int, last: int, *, broken: bool) -> Line:
    import pypdfium2.raw as raw

    left, bottom, _, top = text_page.get_charbox(first, loose=True)
    _, end_bottom, right, end_top = text_page.get_charbox(last, loose=True)
    weights = [raw.FPDFText_GetFontWeight(text_page.raw, i) for i in (first, last)]
    # The size as set may be scaled afterwards; the height on the page is what a reader sees.
    size = max(top - bottom, end_top - end_bottom) or float(raw.FPDFText_GetFontSize(text_page.raw, first))
    return Line(
        text,
        left,
        max(right, left),
        min(bottom, end_bottom) if abs(bottom - end_bottom) < size else bottom,
        max(top, end_top) if abs(top - end_top) < size else top,
        size,
        all(weight >= _BOLD_WEIGHT for weight in weights),
        broken,
    )


def _join(text: str) -> str:
    """PDFium gives characters beyond U+FFFF as two surrogates; as one character here."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(clean_text(text).split())


def _build(pages: list[list[Line]], title: str | None) -> ParsedDocument:
    words = {word.lower() for page in pages for line in page for word in _WORD.findall(line.text)}
    in_blocks = [blocks(page, words) for page in pages]
    levels = HeadingLevels(in_blocks)
    builder = DocumentBuilder()
    for number, page_blocks in enumerate(in_blocks, start=1):
        for block in page_blocks:
            level = levels.of(block)
            if level:
                builder.add("heading", block.text, level=level, page=number)
            else:
                builder.add("list_item" if block.is_item else "paragraph", block.text, page=number)
    return builder.build(title=title, prefer_heading=False)
