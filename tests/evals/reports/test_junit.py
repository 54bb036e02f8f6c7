"""JUnit XML for continuous integration."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from evals.golden import Kind
from evals.measurement import Asked, Failure, Leak, Measurement
from evals.reports import junit_xml
from tests.evals.making import measured
from tests.evals.reports.pages import of_kind, with_answers


def parsed(measurement: Measurement) -> ElementTree.Element:
    whole = ElementTree.fromstring(junit_xml(measurement, version=7))
    assert whole.tag == "testsuites"
    (suite,) = whole
    assert whole.get("tests") == suite.get("tests")
    return suite


def outcomes(suite: ElementTree.Element) -> dict[str | None, str]:
    return {case.get("name"): case[0].tag if len(case) else "passed" for case in suite}


def test_every_question_is_a_case_and_counted() -> None:
    suite = parsed(
        measured(
            [1.0, 0.0, 0.4, 0.0],
            leaks=[
                Leak("q2", "user:bob@x", "s/secret", ("fused",)),
                Leak("q2", "user:bob@x", "s/b", ("fused",)),
            ],
            failures=[Failure("q3", "fused", "RuntimeError", "raised in f, x.py:3")],
        )
    )
    assert suite.get("name") == "golden questions, version 7"
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "1")
    assert outcomes(suite) == {"q0": "passed", "q1": "failure", "q2": "failure", "q3": "error"}
    assert {case.get("classname") for case in suite} == {"golden.answerable"}
    messages = {case.get("name"): case[0].get("message") for case in suite if len(case)}
    assert messages == {
        "q1": "none of the expected documents is among the first ten",
        "q2": "leaked: s/secret to user:bob@x, s/b to user:bob@x",
        "q3": "the search by fused failed: raised in f, x.py:3",
    }


def test_what_has_no_score_passes_unless_it_leaks() -> None:
    unanswerable, forbidden = Asked("u", "unanswerable", "c"), Asked("f", "forbidden", "c")
    suite = parsed(replace(measured([]), asked=(unanswerable, forbidden)))
    assert outcomes(suite) == {"u": "passed", "f": "passed"}
    leak = Leak("f", "public", "s/a", ("fused",))
    assert outcomes(parsed(replace(measured([]), asked=(forbidden,), leaks=(leak,)))) == {"f": "failure"}


def test_names_that_xml_cannot_hold_are_made_harmless() -> None:
    suite = parsed(measured([1.0, 0.0], names=['<q> & "\x00\ud800', "plain"], leaks=[]))
    assert list(outcomes(suite)) == ['<q> & "\ufffd\ufffd', "plain"]


def only(measurement: Measurement) -> ElementTree.Element:
    ((case,),) = (list(parsed(measurement)),)
    (found,) = case
    return found


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("dense", "the search by dense failed: m"),
        ("answer", "the answer failed: m"),
        ("judge", "the judgement of the answer failed: m"),
    ],
)
def test_an_error_says_what_failed(system: str, message: str) -> None:
    found = only(measured([1.0], failures=[Failure("q0", system, "ModelRefusedError", "m")]))
    assert (found.tag, found.get("type"), found.get("message")) == ("error", "ModelRefusedError", message)


def test_every_failure_of_a_question_is_told() -> None:
    failures = [Failure("q0", "bm25", "First", "a"), Failure("q0", "judge", "Second", "b")]
    found = only(measured([1.0], failures=failures))
    assert (found.get("type"), found.get("message")) == (
        "First",
        "the search by bm25 failed: a; the judgement of the answer failed: b",
    )


def test_a_leak_is_not_hidden_by_a_failure() -> None:
    found = only(
        measured(
            [1.0],
            leaks=[Leak("q0", "public", "s/a", ("fused",))],
            failures=[Failure("q0", "judge", "ModelError", "m")],
        )
    )
    assert (found.tag, found.get("type")) == ("failure", "leak")
    assert found.get("message") == "leaked: s/a to public; the judgement of the answer failed: m"


@pytest.mark.parametrize(
    ("kind", "refused", "message"),
    [
        ("answerable", True, "it was refused, although it can be answered"),
        ("unanswerable", False, "it was answered, although nothing answers it"),
        ("forbidden", False, "it was answered, although the asker may not have what would answer it"),
    ],
)
def test_a_wrong_refusal_and_a_missing_one_are_failures(kind: Kind, refused: bool, message: str) -> None:
    found = only(of_kind(kind, refused=refused))
    assert (found.tag, found.get("type"), found.get("message")) == ("failure", "refusal", message)


@pytest.mark.parametrize(
    ("kind", "refused"), [("answerable", False), ("unanswerable", True), ("forbidden", True)]
)
def test_a_right_refusal_and_a_right_answer_pass(kind: Kind, refused: bool) -> None:
    assert outcomes(parsed(of_kind(kind, refused=refused))) == {"u": "passed"}


def test_a_refusal_of_what_was_not_found_is_said_with_that() -> None:
    found = only(with_answers([0.0], refusal=[0.0], refused=["q0"]))
    assert found.get("type") == "not found"
    assert found.get("message") == "none of the expected documents is among the first ten; it was refused"
