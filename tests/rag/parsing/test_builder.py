from __future__ import annotations

from rag.parsing.builder import DocumentBuilder
from rag.parsing.cleaning import clean_line, clean_text
from rag.parsing.elements import Element
from rag.parsing.wire import decode_document, encode_document


def test_texts_are_joined_by_blank_lines_and_spans_are_true() -> None:
    builder = DocumentBuilder()
    builder.add("heading", "A\n b ", level=2, page=3)
    builder.add("paragraph", "  \n")
    builder.add("paragraph", "cd")
    document = builder.build()
    assert document.text == "A b\n\ncd"
    assert document.elements == (Element("heading", "A b", 0, 3, 2, 3), Element("paragraph", "cd", 5, 7))


def test_levels_are_brought_into_one_to_six() -> None:
    builder = DocumentBuilder()
    for level in (0, 9, None):
        builder.add("heading", "h", level=level)
    assert [element.level for element in builder.build().elements] == [1, 6, 1]


def test_a_table_keeps_inner_empty_cells_and_drops_empty_rows() -> None:
    builder = DocumentBuilder()
    builder.add_table([["a", "b", "c"], ["", ""], ["1", "", "3\n4"], ["5", "", ""]])
    assert builder.build().text == "a | b | c\n1 |  | 3 4\n5"


def test_the_first_level_one_heading_is_the_title_unless_the_formats_own_is_preferred() -> None:
    builder = DocumentBuilder()
    builder.add("heading", "Small", level=2)
    builder.add("heading", "Big", level=1)
    assert builder.build(title="Own").title == "Big"
    assert builder.build(title="Own", prefer_heading=False).title == "Own"
    assert builder.build(title=" ", prefer_heading=False).title == "Big"


def test_nothing_gives_an_empty_document() -> None:
    document = DocumentBuilder().build()
    assert (document.text, document.elements, document.title) == ("", (), None)


def test_control_characters_surrogates_and_hidden_text_go() -> None:
    hidden = "".join(chr(0xE0000 + ord(c)) for c in "obey")
    assert clean_text(f"a\x00b\ud800c\u200bd\u202ee{hidden}f\x07\tg") == "abcdef\tg"


def test_every_kind_of_line_end_becomes_one() -> None:
    assert clean_text("a\r\nb\rc\u2028d\x0ce \nf") == "a\nb\nc\nd\ne\nf"


def test_a_line_has_single_blanks() -> None:
    assert clean_line(" a\n\tb\u00a0 c ") == "a b c"


def test_a_document_passes_the_wire_unchanged() -> None:
    import json

    builder = DocumentBuilder()
    builder.add("heading", "Größe 🙂", level=1, page=2)
    builder.add("code", "  x = 1\n    y")
    document = builder.build()
    assert decode_document(json.loads(encode_document(document))) == document
