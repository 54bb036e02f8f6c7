"""JUnit XML for continuous integration."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from evals.measurement import Asked, Failure, Leak, Measurement
from evals.reports import junit_xml
from tests.evals.making import measured


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
