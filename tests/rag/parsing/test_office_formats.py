from __future__ import annotations

import datetime as dt
from pathlib import Path

import pypandoc
import pytest

from rag.errors import ParseError
from rag.parsing import Parser
from tests.rag.parsing.making import made_docx, made_pptx, made_xlsx, made_zip
from tests.rag.parsing.test_text_formats import outline

BOMB = {"word/document.xml": bytes(60_000_000)}
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>'


def test_a_word_document_has_headings_lists_and_tables(parser: Parser) -> None:
    document = parser.parse("a.docx", made_docx(title="Handbook"))
    assert outline(document) == [
        ("heading", 1, "Leave"),
        ("paragraph", None, "Everybody has thirty days."),
        ("list_item", None, "ask early"),
        ("list_item", None, "write it down"),
        ("heading", 2, "Parents"),
        ("table", None, "Who | Weeks\nMother | 16"),
    ]
    assert document.title == "Handbook"


@pytest.mark.parametrize("title", ["", "Untitled", "plan-v3.docx"])
def test_a_title_that_says_nothing_gives_way_to_the_first_heading(parser: Parser, title: str) -> None:
    assert parser.parse("a.docx", made_docx(title=title)).title == "Leave"


def test_slides_have_their_title_first_and_their_notes_last(parser: Parser) -> None:
    document = parser.parse("a.pptx", made_pptx())
    assert [(e.page, e.kind, e.text) for e in document.elements] == [
        (1, "heading", "Plan"),
        (1, "paragraph", "Ship it"),
        (1, "paragraph", "Say it slowly."),
        (2, "heading", "Costs"),
        (2, "paragraph", "All in euro"),
    ]
    assert document.title == "Plan"


def test_every_sheet_is_a_heading_and_a_table(parser: Parser) -> None:
    sheets: dict[str, list[list[object]]] = {
        "Prices": [
            ["item", "price", "from"],
            ["Tea NA", 3.0, dt.datetime(2026, 1, 5)],
            ["NA", 1234567.891, True],
        ],
        "Empty": [],
        "More": [["only"]],
    }
    document = parser.parse("a.xlsx", made_xlsx(sheets))
    assert [(e.page, e.kind, e.level, e.text) for e in document.elements] == [
        (1, "heading", 2, "Prices"),
        (1, "table", None, "item | price | from\nTea NA | 3 | 2026-01-05\nNA | 1234567.891 | TRUE"),
        (3, "heading", 2, "More"),
        (3, "table", None, "only"),
    ]
    assert document.title is None


@pytest.mark.parametrize("suffix", ["odt", "rtf", "epub"])
def test_pandocs_formats_have_headings_and_lists(parser: Parser, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    source = "# Leave\n\nEverybody has thirty days.\n\n- ask early\n- write it down\n"
    extra = ["--standalone", "--metadata", "title=Handbook"]
    pypandoc.convert_text(source, suffix, format="md", outputfile=str(path), extra_args=extra)
    document = parser.parse(path.name, path.read_bytes())
    texts = [element.text for element in document.elements]
    assert texts[-4:] == ["Leave", "Everybody has thirty days.", "ask early", "write it down"]
    assert document.elements[-4].kind == "heading"


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".odt", ".epub"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"just text", "not a .* file, or is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "protected by a password"),
        (b"PK\x03\x04" + bytes(100), "not a .* file, or is damaged"),
        (made_zip(BOMB), "times its size, like an archive bomb"),
        (made_zip({"word/document.xml": ENTITIES}), "its XML defines entities"),
        (made_zip({"word/document.xml": ENTITIES.decode().encode("utf-16")}), "its XML defines entities"),
        (made_zip({"inner.zip": made_zip(BOMB)}), "damaged or not really|no text"),
        (made_docx()[:3000], "not a .* file, or is damaged"),
    ],
    ids=["text", "encrypted", "no-directory", "bomb", "entities", "entities-utf16", "nested", "cut-off"],
)
def test_false_and_hostile_archives_are_refused_unopened(
    parser: Parser, suffix: str, data: bytes, reason: str
) -> None:
    with pytest.raises(ParseError, match=reason):
        parser.parse(f"a{suffix}", data)


def test_an_archive_that_unpacks_to_more_than_a_gibibyte_is_refused(parser: Parser) -> None:
    # The directory alone is believed: nothing that large is made, or unpacked.
    data = bytearray(made_zip({"word/document.xml": b"x" * 100}))
    place = data.rindex(b"PK\x01\x02") + 24
    data[place : place + 4] = (2_000_000_000).to_bytes(4, "little")
    with pytest.raises(ParseError, match=r"would unpack to 1\.9 GiB"):
        parser.parse("a.docx", bytes(data))


@pytest.mark.parametrize(
    ("suffix", "reason"), [(".rtf", "not an .rtf file"), (".msg", "not an Outlook message")]
)
def test_false_rich_text_and_messages_are_refused(parser: Parser, suffix: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parser.parse(f"a{suffix}", b"just text")


def test_a_damaged_workbook_gets_a_reason_without_its_text(parser: Parser) -> None:
    with pytest.raises(ParseError, match=r"damaged or not really a \.xls file") as caught:
        parser.parse("a.xls", b"SECRET WORDS, no workbook")
    assert "SECRET" not in str(caught.value)
