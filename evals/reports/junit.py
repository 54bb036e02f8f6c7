"""A measurement as JUnit XML, as continuous integration reads it: a test case for each question."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from evals.measurement import Leak, Measurement

FOUND_BY = "nDCG@10"
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(measurement: Measurement, *, version: int) -> str:
    """A question fails where something leaked, or where it is answerable and nothing that it expects was among the
    first ten of the main system; it is an error where a search of it failed.

    Names questions, documents and principals by id alone, never by their text.
    """
    scores = (
        measurement.values(measurement.main, FOUND_BY)
        if FOUND_BY in measurement.metrics
        else dict[str, float]()
    )
    leaks: dict[str, list[Leak]] = {}
    for leak in measurement.leaks:
        leaks.setdefault(leak.question, []).append(leak)
    failures = {failure.question: failure for failure in measurement.failures}
    suite = ElementTree.Element("testsuite", name=f"golden questions, version {version}")
    counts = {"tests": len(measurement.asked), "failures": 0, "errors": 0}
    for asked in measurement.asked:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"golden.{asked.kind}", name=_plain(asked.question)
        )
        if asked.question in failures:
            failure = failures[asked.question]
            message = _plain(f"the search by {failure.system} failed: {failure.message}")
            ElementTree.SubElement(case, "error", type=failure.error, message=message)
            counts["errors"] += 1
        elif asked.question in leaks:
            given = ", ".join(f"{leak.document} to {leak.principal}" for leak in leaks[asked.question])
            ElementTree.SubElement(case, "failure", type="leak", message=_plain(f"leaked: {given}"))
            counts["failures"] += 1
        elif scores.get(asked.question) == 0:
            message = "none of the expected documents is among the first ten"
            ElementTree.SubElement(case, "failure", type="not found", message=message)
            counts["failures"] += 1
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    whole = ElementTree.Element("testsuites", suite.attrib | {"name": "lockgate"})
    whole.append(suite)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=False) + "\n"


def _plain(text: str) -> str:
    """Without what XML cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
