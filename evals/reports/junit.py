"""A measurement as JUnit XML, as continuous integration reads it: a test case for each question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar
from xml.etree import ElementTree

from evals.answers import ANSWER, JUDGE
from evals.measurement import Asked, Failure, Leak, Measurement
from evals.reports.differences import REFUSAL

FOUND_BY = "nDCG@10"
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Row = TypeVar("_Row", Leak, Failure)


def junit_xml(measurement: Measurement, *, version: int) -> str:
    """A question fails where something leaked; where it is answerable and nothing that it expects was among the
    first ten of the main system; and where it was refused although answerable, or answered although it is not. It
    is an error where a search, its answer or the judgement of that failed, and nothing leaked.

    Names questions, documents and principals by id alone, never by their text.
    """
    scores, refusals = _values(measurement, FOUND_BY), _values(measurement, REFUSAL)
    refused = {one.question: one.refused for one in measurement.answers}
    leaks, failures = _by_question(measurement.leaks), _by_question(measurement.failures)
    suite = ElementTree.Element("testsuite", name=f"golden questions, version {version}")
    counts = {"tests": len(measurement.asked), "failures": 0, "errors": 0}
    for asked in measurement.asked:
        id = asked.question
        case = ElementTree.SubElement(suite, "testcase", classname=f"golden.{asked.kind}", name=_plain(id))
        if id in leaks:
            given = ", ".join(f"{leak.document} to {leak.principal}" for leak in leaks[id])
            also = "".join(f"; {_failed(one)}" for one in failures.get(id, ()))
            _add(case, "failure", "leak", f"leaked: {given}{also}")
        elif id in failures:
            _add(case, "error", failures[id][0].error, "; ".join(_failed(one) for one in failures[id]))
        elif scores.get(id) == 0:
            also = "; it was refused" if refused.get(id) else ""
            _add(case, "failure", "not found", f"none of the expected documents is among the first ten{also}")
        elif refusals.get(id) == 0:
            _add(case, "failure", "refusal", _wrongly(asked))
        counts["failures"] += case.find("failure") is not None
        counts["errors"] += case.find("error") is not None
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    whole = ElementTree.Element("testsuites", suite.attrib | {"name": "lockgate"})
    whole.append(suite)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=False) + "\n"


def _values(measurement: Measurement, metric: str) -> dict[str, float]:
    return measurement.values(measurement.main, metric) if metric in measurement.metrics else {}


def _by_question(rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.question, []).append(row)
    return found


def _failed(failure: Failure) -> str:
    what = {ANSWER: "the answer", JUDGE: "the judgement of the answer"}
    return f"{what.get(failure.system, f'the search by {failure.system}')} failed: {failure.message}"


def _wrongly(asked: Asked) -> str:
    if asked.kind == "answerable":
        return "it was refused, although it can be answered"
    if asked.kind == "forbidden":
        return "it was answered, although the asker may not have what would answer it"
    return "it was answered, although nothing answers it"


def _add(case: ElementTree.Element, tag: str, kind: str, message: str) -> None:
    ElementTree.SubElement(case, tag, type=_plain(kind), message=_plain(message))


def _plain(text: str) -> str:
    """Without what XML cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
