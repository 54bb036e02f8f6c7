"""Word and PowerPoint through ``unstructured``; OpenDocument, RTF and EPUB through its pandoc."""

from __future__ import annotations

import io
from itertools import groupby
from typing import Any

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.elements import ParsedDocument
from rag.parsing.hypertext import add_html, add_unstructured
from rag.parsing.office_archive import OfficeArchive
from rag.parsing.unstructured_library import NO_LANGUAGES


def parse_docx(data: bytes) -> ParsedDocument:
    """The elements of a Word document: heading styles are headings, headers and footers paragraphs."""
    from unstructured.partition.docx import partition_docx

    archive = OfficeArchive(data, ".docx")
    builder = DocumentBuilder()
    for element in partition_docx(file=io.BytesIO(data), languages=NO_LANGUAGES, include_page_breaks=False):
        add_unstructured(builder, element)
    return builder.build(title=archive.title(), prefer_heading=False)


def parse_pptx(data: bytes) -> ParsedDocument:
    """The elements of a presentation, slide by slide: its title, its text, its speaker's notes."""
    from unstructured.partition.pptx import partition_pptx

    archive = OfficeArchive(data, ".pptx")
    elements = partition_pptx(file=io.BytesIO(data), languages=NO_LANGUAGES, include_page_breaks=False)
    notes = _notes(data)
    slides = {page: list(group) for page, group in groupby(elements, key=lambda e: e.metadata.page_number)}
    builder = DocumentBuilder()
    for page in sorted({*slides, *notes}):
        _add_slide(builder, slides.get(page, []), page)
        for note in notes.get(page, "").split("\n"):
            builder.add("paragraph", note, page=page)
    return builder.build(title=archive.title(), prefer_heading=False)


def _add_slide(builder: DocumentBuilder, elements: list[Any], page: int) -> None:
    # The title first, wherever it stands on the slide: otherwise what is above it would count as part of
    # the slide before.
    title = next((e for e in elements if e.category == "Title" and e.metadata.category_depth == 0), None)
    if title is not None:
        builder.add("heading", title.text, level=1, page=page)
    for element in elements:
        if element is title:
            continue
        if element.category == "Title":
            builder.add("paragraph", element.text, page=page)
        else:
            add_unstructured(builder, element, page=page)


def _notes(data: bytes) -> dict[int, str]:
    """Speaker's notes by slide. Read here, since ``unstructured`` puts them in front of their slide."""
    import pptx

    notes = {}
    for page, slide in enumerate(pptx.Presentation(io.BytesIO(data)).slides, start=1):
        if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) and frame.text.strip():
            notes[page] = str(frame.text)
    return notes


def parse_odt(data: bytes) -> ParsedDocument:
    """The elements of an OpenDocument text."""
    archive = OfficeArchive(data, ".odt")
    return _through_pandoc(data, "odt", archive.title())


def parse_epub(data: bytes) -> ParsedDocument:
    """The elements of a book in EPUB."""
    OfficeArchive(data, ".epub")
    return _through_pandoc(data, "epub", None)


def parse_rtf(data: bytes) -> ParsedDocument:
    """The elements of a rich text file."""
    if not data.lstrip().startswith(b"{\\rtf"):
        raise ParseError("it is not an .rtf file: it does not begin like one")
    return _through_pandoc(data, "rtf", None)


def _through_pandoc(data: bytes, source_format: str, title: str | None) -> ParsedDocument:
    from unstructured.file_utils.file_conversion import convert_file_to_html_text_using_pandoc

    html = convert_file_to_html_text_using_pandoc(source_format=source_format, file=io.BytesIO(data))
    builder = DocumentBuilder()
    page_title = add_html(builder, html)
    return builder.build(title=title or page_title, prefer_heading=False)
