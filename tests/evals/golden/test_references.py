from dataclasses import replace

import pytest

from evals.golden import check_references
from rag.errors import ConfigurationError
from tests.evals.making import golden, question

KNOWN = ["handbook/leave.md", "handbook/pay.md", "wiki/leave"]


def test_known_documents_pass_whatever_collection_they_come_in() -> None:
    questions = golden(
        question("a", {"handbook/leave.md": 1, "wiki/leave": 0}), question("u", kind="unanswerable")
    )
    check_references(questions, KNOWN)
    check_references(questions, frozenset(KNOWN))
    with pytest.raises(ConfigurationError):
        check_references(questions, KNOWN[:1])


def test_an_unknown_document_is_named_with_file_line_and_the_nearest_known() -> None:
    asked = replace(question("a", {"handbook/leav.md": 1}), where="people.jsonl:17")
    with pytest.raises(ConfigurationError) as caught:
        check_references(golden(asked), KNOWN)
    assert str(caught.value).startswith(
        "people.jsonl:17: question 'a' expects the unknown document 'handbook/leav.md'; "
        "the nearest known is 'handbook/leave.md'."
    )


def test_a_forbidden_question_that_names_an_unknown_document_proves_nothing_and_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="'s/f'"):
        check_references(golden(question("f", kind="forbidden")), KNOWN)


def test_every_unknown_document_is_listed_and_the_first_few_have_a_hint() -> None:
    asked = question("a", {f"handbook/{number}": 1 for number in range(7)})
    with pytest.raises(ConfigurationError) as caught:
        check_references(golden(asked), KNOWN)
    lines = caught.value.what.split("\n")
    assert len(lines) == 7
    assert ["nearest" in line for line in lines] == [True] * 5 + [False] * 2


def test_with_nothing_known_there_is_no_hint() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_references(golden(question("a")), [])
    assert caught.value.what == "question 'a' expects the unknown document 's/a'"
