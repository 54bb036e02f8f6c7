"""Golden sets that are worthless however they are measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.golden import GoldenSet, check_usable
from rag.errors import ConfigurationError
from tests.evals.golden.test_findings import MadeUpCorpus
from tests.evals.making import ADA, golden, question

STRANGER = "user:eve@else.example"
CORPUS = MadeUpCorpus({"s/a": [ADA], "s/b": [ADA]})


def trouble(golden_set: GoldenSet, corpus: MadeUpCorpus = CORPUS) -> str:
    with pytest.raises(ConfigurationError) as caught:
        check_usable(golden_set, corpus)
    return str(caught.value)


def test_a_sound_set_is_usable_and_an_empty_one_is_no_error() -> None:
    check_usable(golden(question("a"), question("u", kind="unanswerable")), CORPUS)
    check_usable(golden(), CORPUS)


def test_a_set_without_an_answerable_question_measures_nothing() -> None:
    assert "none of 2 golden questions is answerable" in trouble(
        golden(question("u", kind="unanswerable"), question("f", kind="forbidden"))
    )


def test_two_questions_that_expect_the_opposite_are_named_with_their_places() -> None:
    same = question("a", {"s/a": 1}, text="How long?")
    other = replace(question("b", {"s/a": 0, "s/b": 1}, text="how LONG"), where="q.jsonl:2")
    said = trouble(golden(same, other))
    assert said.startswith("q.jsonl:2: 'b' contradicts another: 'a' asks the same")


def test_a_persona_that_may_read_nothing_is_named_once() -> None:
    said = trouble(golden(question("a"), question("b", asker=STRANGER), question("c", asker=STRANGER)))
    assert said.count(f"{STRANGER} may read nothing at all") == 1


def test_a_stranger_who_asks_for_what_is_forbidden_is_a_fair_test() -> None:
    check_usable(golden(question("a"), question("f", kind="forbidden", asker=STRANGER)), CORPUS)


def test_where_nothing_can_be_found_by_anybody_no_persona_is_at_fault() -> None:
    check_usable(golden(question("a")), MadeUpCorpus({"s/a": [ADA]}, gone=["s/a"]))
