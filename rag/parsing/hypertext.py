"""HTML to elements, through ``unstructured``.

``unstructured`` drops some containers whole and cuts a paragraph at every image; the tree is put right
first. What stays out: scripts, styles, navigation, form controls, and text marked as deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.cleaning import clean_line
from rag.parsing.decoding import decode, looks_binary
from rag.parsing.elements import ElementKind, ParsedDocument
from rag.parsing.unstructured_library import NO_LANGUAGES

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Containers that unstructured drops with all they hold, and what each is to a reader.
_RETAGGED = {
    "details": "div",
    "summary": "p",
    "figure": "div",
    "figcaption": "p",
    "form": "div",
    "fieldset": "div",
    "legend": "p",
    "label": "span",
    "dialog": "div",
    "hr": "br",
}
_KINDS: dict[str, ElementKind] = {
    "Title": "heading",
    "ListItem": "list_item",
    "Table": "table",
    "CodeSnippet": "code",
}


def parse_html(data: bytes) -> ParsedDocument:
    """The elements of a web page; its title is the first level-1 heading or the ``<title>``."""
    if looks_binary(data):
        raise ParseError("it is named like a web page but holds binary data")
    builder = DocumentBuilder()
    title = add_html(builder, decode(data, declared=True))
    return builder.build(title=title)


def add_html(builder: DocumentBuilder, html: str) -> str | None:
    """Adds the elements of ``html`` and returns its ``<title>``, None if it has none."""
    from lxml import html as lxml_html
    from unstructured.partition.html import partition_html

    root = _tree(html)
    if root is None:
        return None
    title: str | None = root.findtext(".//title")
    _put_right(root)
    tidy = lxml_html.tostring(root, encoding="unicode")
    for element in partition_html(text=tidy, languages=NO_LANGUAGES):
        add_unstructured(builder, element)
    return title


def add_unstructured(builder: DocumentBuilder, element: Any, *, page: int | None = None) -> None:
    """Adds one element of ``unstructured``; its own page number counts where ``page`` is None."""
    kind = _KINDS.get(element.category, "paragraph")
    page = page if page is not None else element.metadata.page_number
    if kind == "table" and (rows := table_rows(element.metadata.text_as_html)):
        builder.add_table(rows, page=page)
        return
    depth = element.metadata.category_depth if kind == "heading" else None
    builder.add(kind, element.text, level=None if depth is None else depth + 1, page=page)


def table_rows(html: str | None) -> list[list[str]]:
    """The cells of an HTML table, row by row; a caption is a row of its own. Empty if there is none."""
    root = _tree(html or "")
    if root is None:
        return []
    rows = []
    for node in root.iter("caption", "tr"):
        cells = [node] if node.tag == "caption" else [cell for cell in node if cell.tag in ("td", "th")]
        rows.append([" ".join(cell.itertext()) for cell in cells])
    return rows


def _tree(html: str) -> HtmlElement | None:
    from lxml import etree
    from lxml import html as lxml_html

    if not html.strip():
        return None
    # Bytes, since lxml refuses a str that carries an encoding declaration of its own.
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return lxml_html.document_fromstring(html.encode("utf-8", errors="replace"), parser=parser)
    except etree.ParserError:
        return None  # nothing but comments or white space


def _put_right(root: HtmlElement) -> None:
    for node in list(root.iter("img")):
        # An inline image would cut its paragraph in two: its description stands in the text instead.
        node.tag = "span"
        description = clean_line(node.get("alt", ""))
        node.text = f" {description} " if description else None
        node.attrib.clear()
    for node in root.iter(*_RETAGGED):
        node.tag = _RETAGGED[str(node.tag)]
