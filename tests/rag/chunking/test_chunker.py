from __future__ import annotations

import pytest

from rag.chunking import Chunk, Chunker
from rag.errors import ConfigurationError
from rag.parsing import ParsedDocument
from tests.rag.chunking.documents import check, document, words
from tests.rag.chunking.tokenizers_for_tests import Words


def chunked(
    parsed: ParsedDocument, *, title: str = "", max_tokens: int = 42, overlap: int = 0
) -> list[Chunk]:
    """Chunks counted in words, with two special tokens: 40 words of context and text by default."""
    chunker = Chunker(Words(), max_tokens=max_tokens, overlap_tokens=overlap)
    chunks = chunker.chunk(parsed, title=title)
    check(parsed, chunks, Words(), max_tokens=max_tokens)
    return chunks


def test_an_empty_document_gives_no_chunks() -> None:
    assert chunked(document(), title="T") == []


def test_a_short_document_is_one_chunk_with_its_title_as_context() -> None:
    (chunk,) = chunked(document(("paragraph", "Doors open at nine.")), title="House  rules")
    assert chunk == Chunk(0, "Doors open at nine.", 0, 19, (), 1, "House rules")
    assert chunk.embedded_text == "House rules\nDoors open at nine."


def test_without_a_title_the_text_stands_alone() -> None:
    (chunk,) = chunked(document(("paragraph", "Doors open.")))
    assert (chunk.context, chunk.embedded_text) == ("", "Doors open.")


def test_a_title_that_is_also_the_first_heading_stands_once() -> None:
    parsed = document(("heading", "House Rules", 1), ("heading", "Doors", 2), ("paragraph", "Open at nine."))
    (chunk,) = chunked(parsed, title="house rules")
    assert chunk.heading_path == ("House Rules", "Doors")
    assert chunk.context == "house rules > Doors"


def test_sections_that_are_big_enough_stay_apart() -> None:
    # 41 words of text in all; 20 and 19 are more than a third of the 39 beside a context of one.
    parsed = document(
        ("heading", "A", 1), ("paragraph", words(20)), ("heading", "B", 1), ("paragraph", words(19, 20))
    )
    first, second = chunked(parsed)
    assert (first.heading_path, second.heading_path) == (("A",), ("B",))
    assert (first.context, second.context) == ("A", "B")
    assert second.text.startswith("B\n\nw20")


def test_small_neighbours_below_one_heading_are_packed_up_to_the_budget() -> None:
    parsed = document(
        ("heading", "Top", 1),
        *[block for n in range(12) for block in (("heading", f"H{n}", 2), ("paragraph", words(5)))],
    )
    chunks = chunked(parsed)
    # One for "Top" as context leaves 39: "Top" and six sections of 6 are 37, the other six 36.
    assert [len(chunk.text.split()) for chunk in chunks] == [37, 36]
    assert [chunk.heading_path for chunk in chunks] == [("Top",), ("Top",)]
    assert chunks[1].text.startswith("H6\n\n")


def test_a_small_section_does_not_join_one_under_another_parent() -> None:
    parsed = document(
        ("heading", "A", 1),
        ("paragraph", words(30)),
        ("heading", "A1", 2),
        ("paragraph", words(36)),
        ("heading", "A2", 2),
        ("paragraph", words(3)),
        ("heading", "B", 1),
        ("paragraph", words(3)),
    )
    assert [chunk.heading_path for chunk in chunked(parsed)] == [("A",), ("A", "A1"), ("A", "A2"), ("B",)]


def test_a_heading_goes_with_what_follows_it_even_through_levels() -> None:
    parsed = document(
        ("heading", "A", 1), ("heading", "A1", 2), ("paragraph", words(30)), ("paragraph", words(30, 30))
    )
    first, second = chunked(parsed)
    assert first.text == f"A\n\nA1\n\n{words(30)}"
    assert first.context == second.context == "A > A1"
    assert second.text == words(30, 30)


def test_a_heading_without_text_is_not_lost() -> None:
    (chunk,) = chunked(document(("heading", "Alone", 3)))
    assert (chunk.text, chunk.heading_path) == ("Alone", ("Alone",))


def test_a_long_paragraph_is_cut_at_sentence_ends_and_filled_greedily() -> None:
    sentence = "This sentence has exactly ten words in it, count them."
    parsed = document(("paragraph", " ".join([sentence] * 9)))
    assert [len(chunk.text.split()) for chunk in chunked(parsed)] == [40, 40, 10]


def test_the_pieces_of_a_paragraph_overlap_by_whole_sentences_where_they_can() -> None:
    sentences = [f"Number {n} has five words." for n in range(20)]
    first, second, third = chunked(document(("paragraph", " ".join(sentences))), overlap=7)
    assert first.text.endswith("Number 7 has five words.")
    assert second.text.startswith("Number 7 has five words.")
    assert third.text == " ".join(sentences[14:])


def test_without_sentences_a_paragraph_is_cut_between_words_and_overlaps_by_words() -> None:
    first, second, third = chunked(document(("paragraph", words(100))), overlap=8)
    assert first.text == words(40)
    assert second.text == words(40, 32)
    assert third.text == words(36, 64)


def test_abbreviations_and_initials_end_no_sentence() -> None:
    text = f"{words(35)} as Dr. Smith and J. Doe et al. Show here."
    first, second = chunked(document(("paragraph", text)))
    assert first.text == f"{words(35)} as Dr. Smith and J."
    assert second.text == "Doe et al. Show here."


def test_a_word_longer_than_all_is_cut_rather_than_dropped() -> None:
    chunks = chunked(document(("paragraph", "x" * 10_000)))
    assert "".join(chunk.text for chunk in chunks) == "x" * 10_000
    assert max(len(chunk.text) for chunk in chunks) <= 40 * 100


def test_a_table_that_fits_stays_whole_in_a_chunk_of_its_own() -> None:
    table = "\n".join(["a | b", *[f"{n} | {n}" for n in range(9)]])  # 30 words
    chunks = chunked(document(("paragraph", words(15)), ("table", table), ("paragraph", words(15))))
    assert [chunk.text for chunk in chunks] == [words(15), table, words(15)]


def test_a_long_table_is_cut_at_rows_and_each_later_part_has_the_header_in_its_context() -> None:
    table = "\n".join(["Price list", "item | price", *[f"tea{n} | {n}" for n in range(20)]])  # 65 words
    parsed = document(("heading", "Shop", 1), ("table", table))
    first, second = chunked(parsed, title="T")
    assert first.context == "T > Shop"
    assert first.text.startswith("Shop\n\nPrice list\nitem | price\ntea0 | 0")
    assert second.context == "T > Shop\nitem | price"
    assert (
        second.text.split("\n")[0]
        == f"tea{len(first.text.splitlines()) - 4} | {len(first.text.splitlines()) - 4}"
    )
    assert second.text.endswith("tea19 | 19")


def test_a_table_of_one_column_has_no_header_to_repeat() -> None:
    chunks = chunked(document(("table", words(60).replace(" ", "\n"))))
    assert [chunk.context for chunk in chunks] == ["", ""]


def test_a_row_longer_than_the_window_is_cut_between_words() -> None:
    chunks = chunked(document(("table", f"a | b\n{words(60)}\nc | d")))
    assert [chunk.text.split()[0] for chunk in chunks][:2] == ["a", "w0"]
    assert chunks[-1].text.endswith("c | d")


def test_code_is_cut_at_lines_without_overlap() -> None:
    code = "\n".join(f"line {n} of code" for n in range(15))
    first, second = chunked(document(("code", code)), overlap=8)
    assert first.text.endswith("line 9 of code")
    assert second.text.startswith("line 10 of code")


def test_the_end_of_a_long_paragraph_is_filled_up_with_what_follows() -> None:
    first, second = chunked(document(("paragraph", words(50)), ("list_item", words(20, 50))))
    assert first.text == words(40)
    assert second.text == f"{words(10, 40)}\n\n{words(20, 50)}"


def test_a_context_takes_at_most_a_quarter_and_keeps_title_and_nearest_heading() -> None:
    parsed = document(
        ("heading", words(6), 1),
        ("heading", words(6, 10), 2),
        ("heading", "near", 3),
        ("paragraph", words(60)),
    )
    for chunk in chunked(parsed, title="the title")[1:]:
        assert chunk.context == "the title > near"
    (only,) = chunked(document(("paragraph", "x")), title=words(50))
    assert only.context == words(10)


def test_the_page_is_that_of_the_first_element() -> None:
    parsed = document(("paragraph", words(30)), ("paragraph", words(30)), ("paragraph", words(5)))
    assert [chunk.page for chunk in chunked(parsed)] == [1, 2]


def test_chinese_without_blanks_is_cut_at_its_sentence_ends() -> None:
    from tests.rag.chunking.tokenizers_for_tests import minilm

    parsed = document(("paragraph", "門は九時に開きます。" * 60))
    chunks = Chunker(minilm(), max_tokens=64, overlap_tokens=0).chunk(parsed, title="")
    check(parsed, chunks, minilm(), max_tokens=64)
    assert all(chunk.text.endswith("。") for chunk in chunks)


@pytest.mark.parametrize(
    ("max_tokens", "overlap", "key"),
    [(33, 0, "max_tokens"), (64, 17, "overlap_tokens"), (64, -1, "overlap_tokens")],
)
def test_numbers_that_leave_no_room_are_refused(max_tokens: int, overlap: int, key: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        Chunker(Words(), max_tokens=max_tokens, overlap_tokens=overlap)


def test_the_fingerprint_has_every_setting() -> None:
    one = Chunker(Words(), max_tokens=64, overlap_tokens=8).fingerprint
    assert one == "chunker-1 max_tokens-64 overlap_tokens-8 special_tokens-2"
    assert one != Chunker(Words(), max_tokens=64, overlap_tokens=8, special_tokens=3).fingerprint
