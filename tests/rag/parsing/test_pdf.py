from __future__ import annotations

import pytest

from rag.errors import ParseError
from rag.parsing import Parser
from rag.parsing.pdf_lines import Line, blocks
from tests.rag.parsing.making import made_pdf


def line(text: str, bottom: float, *, left: float = 72, right: float = 500, broken: bool = False) -> Line:
    return Line(text, left, right, bottom, bottom + 10, 10, False, broken)


def test_a_pdf_has_paragraphs_headings_and_pages(parser: Parser) -> None:
    first = [
        (72, 740, 24, "Annual Report"),
        (72, 700, 11, "The year was good and everybody worked hard on the things that"),
        (72, 687, 11, "matter to us most of all."),
        (72, 650, 11, "A second paragraph begins below a wider gap and then goes on."),
    ]
    document = parser.parse("a.pdf", made_pdf([first, [(72, 700, 11, "On the next page.")]]))
    assert [(e.page, e.kind, e.level, e.text) for e in document.elements] == [
        (1, "heading", 1, "Annual Report"),
        (
            1,
            "paragraph",
            None,
            "The year was good and everybody worked hard on the things that matter to us most of all.",
        ),
        (1, "paragraph", None, "A second paragraph begins below a wider gap and then goes on."),
        (2, "paragraph", None, "On the next page."),
    ]
    assert document.title == "Annual Report"


def test_a_page_without_text_is_a_scan(parser: Parser) -> None:
    with pytest.raises(ParseError, match="no text layer: it is a scan"):
        parser.parse("a.pdf", made_pdf([[]]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"hello", "not a PDF"), (b"%PDF-1.4\nrubbish", "damaged"), (made_pdf([[]])[:40], "damaged")],
)
def test_what_is_no_pdf_or_a_damaged_one_is_refused(parser: Parser, data: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parser.parse("a.pdf", data)


def test_hyphens_at_line_ends_go_unless_the_document_knows_the_word_with_one() -> None:
    words = {"dual-encoder", "recent", "the"}
    lines = [
        line("a re", 700, broken=True),
        line("cent dual", 688, broken=True),
        line("encoder of Lucene", 676, broken=True),
        line("BM25 for im", 664, broken=True),
        line("portant things.", 652),
    ]
    (block,) = blocks(lines, words)
    assert block.text == "a recent dual-encoder of Lucene-BM25 for important things."


def test_a_bullet_begins_a_list_item() -> None:
    found = blocks(
        [line("Bring:", 700), line("• a pen and", 688), line("paper", 676), line("2. time", 664)], set()
    )
    assert [(block.text, block.is_item) for block in found] == [
        ("Bring:", False),
        ("• a pen and paper", True),
        ("2. time", True),
    ]


def test_short_lines_stay_lines() -> None:
    lines = [
        line("Acme Ltd, the company that makes things", 700),
        line("1 Road", 688, right=110),
        line("Town", 676),
    ]
    assert blocks(lines, set())[0].text == "Acme Ltd, the company that makes things 1 Road\nTown"


def test_a_sentence_goes_on_in_the_next_column() -> None:
    lines = [
        line("it goes", 100, right=200),
        line("on here.", 700, left=300),
        line("New one.", 640, left=300),
    ]
    assert [block.text for block in blocks(lines, set())] == ["it goes on here.", "New one."]


def test_a_superscript_stays_in_its_line() -> None:
    lines = [line("benchmarks.", 700, right=140), Line("1", 140, 144, 705, 711, 6, False), line("Next", 688)]
    assert blocks(lines, set())[0].text.startswith("benchmarks.1")


def test_no_lines_give_no_blocks() -> None:
    assert blocks([], set()) == []
