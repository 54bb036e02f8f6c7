"""Markdown to elements: front matter off, CommonMark to HTML, and from there like a web page.

``markdown-it-py`` renders the HTML, not the converter inside ``unstructured``: that one is older than
CommonMark, and turns lists after a paragraph and lists indented by two blanks into running text.
"""

from __future__ import annotations

import re
import tomllib

from rag.errors import ParseError
from rag.parsing.builder import DocumentBuilder
from rag.parsing.decoding import decode, looks_binary
from rag.parsing.elements import ParsedDocument
from rag.parsing.hypertext import add_html

_FRONT_MATTER = re.compile(
    r"\A\ufeff?(---|\+\+\+)[ \t]*\r?\n(.*?)(?:^|\n)(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL
)


def parse_markdown(data: bytes) -> ParsedDocument:
    """The elements of a Markdown page; a ``title:`` in its front matter is its title."""
    from markdown_it import MarkdownIt

    if looks_binary(data):
        raise ParseError("it is named like a Markdown file but holds binary data")
    title, body = split_front_matter(decode(data))
    builder = DocumentBuilder()
    add_html(builder, MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(body))
    return builder.build(title=title, prefer_heading=False)


def split_front_matter(text: str) -> tuple[str | None, str]:
    """(title, body): the title that YAML or TOML front matter gives, and the text below it.

    Text between two rules that is no mapping is not front matter, and stays in the body.
    """
    match = _FRONT_MATTER.match(text)
    if not match:
        return None, text
    fields = _fields(match[1], match[2])
    if fields is None:
        return None, text
    title = fields.get("title")
    return (str(title) if isinstance(title, str | int | float) else None), text[match.end() :]


def _fields(fence: str, source: str) -> dict[str, object] | None:
    import yaml

    try:
        loaded = yaml.safe_load(source) if fence == "---" else tomllib.loads(source)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError):
        return None
    if loaded is None:
        return {}
    return loaded if isinstance(loaded, dict) else None
