from dataclasses import replace

import pytest

from evals.golden import GoldenSet, Question
from tests.evals.making import golden, question

ONE = replace(question("a", {"s/x": 1, "s/y": 2}), tags=("hr", "leave"), answer="16 weeks")
TWO = question("b")


def test_the_fingerprint_does_not_depend_on_the_order_of_questions() -> None:
    assert golden(ONE, TWO).fingerprint == golden(TWO, ONE).fingerprint


def test_the_fingerprint_does_not_depend_on_file_and_line() -> None:
    assert golden(replace(ONE, where="other.jsonl:9")).fingerprint == golden(ONE).fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_of_expected_documents_and_tags() -> None:
    turned = replace(ONE, expected={"s/y": 2, "s/x": 1}, tags=("leave", "hr"))
    assert turned.fingerprint == ONE.fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        replace(ONE, id="c"),
        replace(ONE, question="else"),
        replace(ONE, principal="public"),
        replace(ONE, kind="forbidden"),
        replace(ONE, expected={"s/x": 1, "s/y": 1}),
        replace(ONE, answer=None),
        replace(ONE, tags=("hr",)),
    ],
    ids=["id", "question", "principal", "kind", "grade", "answer", "tags"],
)
def test_the_fingerprint_changes_with_every_part_of_the_contents(changed: Question) -> None:
    assert golden(changed).fingerprint != golden(ONE).fingerprint


def test_an_empty_set_has_a_fingerprint_of_its_own() -> None:
    assert len(GoldenSet(()).fingerprint) == 64
    assert GoldenSet(()).fingerprint != golden(ONE).fingerprint


def test_questions_are_picked_by_kind_in_order() -> None:
    forbidden = question("f", kind="forbidden")
    assert golden(ONE, forbidden, TWO).of_kind("answerable") == (ONE, TWO)
    assert golden(ONE, forbidden, TWO).of_kind("forbidden") == (forbidden,)
