from __future__ import annotations

import time

import pytest

from rag.errors import ParseError
from rag.parsing import ParsedDocument, Parser


def outline(document: ParsedDocument) -> list[tuple[str, int | None, str]]:
    """(kind, level, text) of every element; checks that the spans are true."""
    for element in document.elements:
        assert document.text[element.start : element.end] == element.text
    assert "\n\n".join(element.text for element in document.elements) == document.text
    return [(element.kind, element.level, element.text) for element in document.elements]


def test_plain_text_is_paragraphs_between_blank_lines(parser: Parser) -> None:
    document = parser.parse("a.txt", b"One\r\ntwo.\r\n \t\r\n\r\n  Three\x00.\n")
    assert outline(document) == [("paragraph", None, "One\ntwo."), ("paragraph", None, "  Three.")]
    assert document.title is None


@pytest.mark.parametrize("data", [b" \n\t\n", "\u200b\ufeff".encode()])
def test_text_without_text_is_refused(parser: Parser, data: bytes) -> None:
    with pytest.raises(ParseError, match="there is no text in it"):
        parser.parse("a.txt", data)


def test_a_picture_named_like_text_is_refused(parser: Parser) -> None:
    with pytest.raises(ParseError, match="holds binary data"):
        parser.parse("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)


def test_short_plain_texts_take_far_less_than_five_milliseconds(parser: Parser) -> None:
    data = b"A sentence of some length, again and again. " * 35
    parser.parse("x.txt", data)
    times = []
    for _ in range(100):
        started = time.perf_counter()
        parser.parse("x.txt", data)
        times.append(time.perf_counter() - started)
    assert sorted(times)[50] < 0.005


MARKDOWN = b"""---
title: The Page
owner: ada
---
# First

Intro line
wrapped here. ![logo](x.png) Tail.
- one
  - nested
- two `code`

### Deep

| a | b |
|---|---|
| 1 | 2 |

```python
def f():
    return 1
```

<details><summary>More</summary>

Hidden *text*.

</details>

<!-- a comment -->
"""


def test_markdown_keeps_levels_lists_tables_and_code(parser: Parser) -> None:
    document = parser.parse("a.md", MARKDOWN)
    assert outline(document) == [
        ("heading", 1, "First"),
        ("paragraph", None, "Intro line wrapped here. logo Tail."),
        ("list_item", None, "one"),
        ("list_item", None, "nested"),
        ("list_item", None, "two code"),
        ("heading", 3, "Deep"),
        ("table", None, "a | b\n1 | 2"),
        ("code", None, "def f():\n    return 1"),
        ("paragraph", None, "More"),
        ("paragraph", None, "Hidden text."),
    ]
    assert document.title == "The Page"


def test_without_front_matter_the_first_heading_is_the_title(parser: Parser) -> None:
    assert parser.parse("a.markdown", b"## Small\n\n# Big\n\ntext").title == "Big"
    assert parser.parse("a.md", b"## Small\n\ntext").title is None


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (b"---\nrules are here\n---\ntext", "rules are here\n\ntext"),
        (b"---\n[broken: {\n---\ntext", "[broken: {\n\ntext"),
        (b"+++\ntitle = 'T'\n+++\ntext", "text"),
        (b"---\n---\ntext", "text"),
        (b"text\n\n---\n\nmore", "text\n\nmore"),
    ],
)
def test_only_what_is_front_matter_is_taken_off(parser: Parser, source: bytes, text: str) -> None:
    assert parser.parse("a.md", source).text == text


@pytest.mark.parametrize("level", range(1, 7))
def test_html_headings_have_their_level(parser: Parser, level: int) -> None:
    document = parser.parse("a.html", f"<h{level}>H</h{level}><p>p q</p>".encode())
    assert outline(document)[0] == ("heading", level, "H")


def test_a_web_page_loses_scripts_and_navigation_only(parser: Parser) -> None:
    page = b"""<html><head><title>Site - Page</title><style>p{}</style></head><body>
    <nav><a href=/>Home</a></nav><script>alert(1)</script>
    <form><p>In a form</p></form>
    <figure><img src=x alt="A chart"><figcaption>Figure 1</figcaption></figure>
    <table><caption>Ages</caption><tr><th>Name</th><th>Age</th></tr><tr><td>Ada</td><td>36</td></tr></table>
    </body></html>"""
    document = parser.parse("a.htm", page)
    assert outline(document) == [
        ("paragraph", None, "In a form"),
        ("paragraph", None, "A chart"),
        ("paragraph", None, "Figure 1"),
        ("table", None, "Ages\nName | Age\nAda | 36"),
    ]
    assert document.title == "Site - Page"


def test_control_characters_in_a_description_do_no_harm(parser: Parser) -> None:
    assert (
        parser.parse("a.html", b'<p>See <img src=x alt="a\x01b &#x2;c"> here.</p>').text == "See ab c here."
    )


def test_a_page_of_comments_only_has_no_text(parser: Parser) -> None:
    with pytest.raises(ParseError, match="no text"):
        parser.parse("a.html", b"<!-- nothing -->")


def test_a_hundred_thousand_nested_tags_do_no_harm(parser: Parser) -> None:
    page = b"<div>" * 100_000 + b"deep" + b"</div>" * 100_000
    with pytest.raises(ParseError, match=r"nested too deep|no text"):
        parser.parse("a.html", page)


def test_the_same_bytes_give_the_same_document(parser: Parser) -> None:
    with Parser() as other:
        assert other.parse("a.md", MARKDOWN) == parser.parse("a.md", MARKDOWN)


def test_csv_keeps_every_cell_as_it_is_written(parser: Parser) -> None:
    data = 'id;name;note\n007;"Müller; A.";NA\n8;"two\nlines";\n'.encode("cp1252")
    document = parser.parse("a.csv", data)
    assert outline(document) == [("table", None, "id | name | note\n007 | Müller; A. | NA\n8 | two lines")]


def test_tsv_is_cut_at_tabs_only(parser: Parser) -> None:
    assert parser.parse("a.tsv", b"a, b\tc\n1\t2\n").text == "a, b | c\n1 | 2"
