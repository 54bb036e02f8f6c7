from __future__ import annotations

import pytest

from rag.chunking.sections import section_tree
from rag.chunking.splitting import line_starts, sentence_starts
from rag.chunking.tokens import TokenMap
from tests.rag.chunking.documents import document
from tests.rag.chunking.tokenizers_for_tests import Words


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("One. Two! Three?", [5, 10]),
        ("He said “no.” Then he left.", [14]),
        ("See Fig. 2 of e.g. Smith et al. Then J. Doe.", []),
        ("See No. 7 in Vol. 2. He said no. Then", [21, 33]),
        ("It costs 9.5 euro. 7 more.", [19]),
        ("lower case. does not begin one", []),
        ("門は。開く。", [3]),
        ("a\n\nb", [3]),
        ("", []),
        ("End.", []),
    ],
)
def test_sentences_begin_where_a_reader_would_say(text: str, starts: list[int]) -> None:
    assert sentence_starts(text, 0, len(text)) == starts


def test_positions_are_within_the_span_only() -> None:
    assert sentence_starts("Aa. Bb. Cc. Dd.", 4, 10) == [8]
    assert line_starts("a\nb\nc\nd", 2, 6) == [4]
    assert line_starts("a\n", 0, 2) == []


def test_the_token_map_counts_and_reaches() -> None:
    parsed = document(("paragraph", "aa bb cc"), ("paragraph", "dd"))
    tokens = TokenMap(Words(), parsed)
    assert tokens.count(0, 12) == 4
    assert tokens.count(1, 4) == 1
    assert tokens.reach(0, 2, 12) == 6
    assert tokens.reach(3, 9, 12) == 12
    assert tokens.back(6, 1, 0) == 3
    assert tokens.back(6, 5, 2) == 2


def test_long_elements_are_tokenised_piece_by_piece_without_loss() -> None:
    text = "\n".join(["one two three"] * 20_000)
    parsed = document(("table", text), ("code", "x" * 120_000))
    assert TokenMap(Words(), parsed).count(0, len(text)) == 60_000


def test_levels_that_are_left_out_or_go_up_make_a_tree() -> None:
    root = section_tree(
        document(("paragraph", "p"), ("heading", "a", 3), ("heading", "b", 6), ("heading", "c", 2))
    )
    assert [element.text for element in root.elements] == ["p"]
    assert [child.path for child in root.children] == [("a",), ("c",)]
    assert root.children[0].children[0].path == ("a", "b")
