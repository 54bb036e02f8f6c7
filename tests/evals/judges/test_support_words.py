"""Sentences read for the support judge: words, numbers, names, negation."""

from __future__ import annotations

import pytest

from evals.judges.support_words import number, read, stem


def test_content_words_are_stemmed_and_function_words_left_out() -> None:
    (sentence,) = read("The policies were stopped by teams.")
    assert sentence.keys == {"polici", "stop", "team"}
    assert sentence.pairs == {("polici", "stop"), ("stop", "team")}
    assert sentence.sequence == " the policies were stopped by teams "


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It took 1,000 days.", "It took 1000 days."),
        ("It took 3.50 days.", "It took 3.5 days."),
        ("It took three days.", "It took 3 days."),
        ("It rose 7%.", "It rose 7 %."),
        ("In the 1990s.", "In the 1990."),
        ("On the 3rd day.", "On the 3 day."),
        ("At ２０ degrees.", "At 20 degrees."),
    ],
)
def test_a_number_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert read(one)[0].numbers == read(other)[0].numbers != frozenset()


def test_a_number_within_a_word_is_that_word() -> None:
    (sentence,) = read("p53 binds a 4x4 grid of B12.")
    assert sentence.numbers == frozenset()
    assert {"p53", "4x4", "b12"} <= sentence.keys


def test_one_is_compared_but_is_no_number_that_must_be_found() -> None:
    (sentence,) = read("One of them left.")
    assert "1" in sentence.keys
    assert not sentence.numbers


def test_citation_marks_and_list_signs_are_no_numbers() -> None:
    found = read("1. Ask early. [2]\n- Ask twice [3, 4].\n2) Ask\n3.")
    assert [one.text for one in found] == ["Ask early.", "Ask twice  .", "Ask"]
    assert not any(one.numbers for one in found)


def test_a_line_that_goes_on_in_lower_case_is_the_same_sentence() -> None:
    assert [one.text for one in read("Dogs are\n  not allowed\nCats are.\n\nask Ada:\nfirst")] == [
        "Dogs are not allowed",
        "Cats are.",
        "ask Ada:",
        "first",
    ]


def test_a_name_is_capitalised_within_the_sentence_or_all_capitals() -> None:
    assert read("Yesterday Ada met NATO in Berlin.")[0].names == {"ada", "nato", "berlin"}
    assert read("NATO met.")[0].names == {"nato"}
    assert read("Berlin is big. I said so.")[0].names == frozenset()


@pytest.mark.parametrize(
    "text", ["He did not go.", "He never went.", "He didn't go.", "He didn’t go.", "No cats."]
)
def test_a_negated_sentence_is_seen(text: str) -> None:
    assert read(text)[0].negated


def test_a_sentence_of_function_words_claims_nothing_but_has_its_words() -> None:
    (sentence,) = read("Yes, it is.")
    assert not sentence.claims
    assert sentence.keys == {"yes", "it", "is"}


@pytest.mark.parametrize("text", ["", " \n\t", "...", "[1]", "_ _", "-", "1."])
def test_a_text_without_a_word_has_no_sentence(text: str) -> None:
    assert read(text) == ()


def test_half_a_surrogate_does_not_stop_it() -> None:
    assert read("an odd \ud800 sign")[0].keys == {"odd", "sign"}


@pytest.mark.parametrize(
    "text",
    [
        "1." * 100_000 + "a",
        "1," * 100_000,
        "a'" * 100_000,
        "[1," * 30_000,
        "1" * 100_000 + "x",
        "a" + "\n " * 100_000,
    ],
)
def test_endless_repetition_is_read(text: str) -> None:
    assert read(text)[0].keys


def test_stems_and_numbers_of_one_letter_stay() -> None:
    assert [stem(word) for word in ("a", "is", "ing", "red")] == ["a", "is", "ing", "red"]
    assert [number(text) for text in ("0", "00", "0.0", "10", "1,23")] == ["0", "0", "0", "10", "1,23"]
