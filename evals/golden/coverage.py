"""What a golden set covers, and the smallest regression that it can tell from luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, stdev

from evals.golden.question import GoldenSet, Question

POWER = 0.8
"""How often a regression of the size that is named would be noticed."""
OVERALL = "all"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one source: its documents that can be found, and how many of them some answerable question expects."""

    documents: int
    expected: int
    questions: int


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest fall of a metric's mean over ``n`` questions that would be noticed with the power ``POWER``.

    ``spread`` is the standard deviation of the paired differences between two versions. Where only one version
    was measured, or the two gave the same, it is that of two independent measurements, which is more than any
    pair has: ``measured`` is False then. ``spread`` and ``fall`` are None where the values are all the same, or
    fewer than two: nothing is known then.
    """

    n: int
    spread: float | None
    fall: float | None
    measured: bool


def coverage(golden: GoldenSet, source_of: Mapping[str, str], active: Sequence[str]) -> dict[str, Coverage]:
    """By source, those without a question too."""
    expected = {
        document
        for question in golden.of_kind("answerable")
        for document, grade in question.expected.items()
        if grade > 0
    }
    found = {}
    for source in sorted({source_of[document] for document in active}):
        documents = {document for document in active if source_of[document] == source}
        asking = [
            one
            for one in golden.of_kind("answerable")
            if any(grade > 0 and document in documents for document, grade in one.expected.items())
        ]
        found[source] = Coverage(len(documents), len(documents & expected), len(asking))
    return found


def slices(golden: GoldenSet) -> dict[str, list[Question]]:
    """The answerable questions by tag, after all of them; a slice named like a tag of nobody is not there."""
    answerable = list(golden.of_kind("answerable"))
    tags = sorted({tag for question in answerable for tag in question.tags})
    return {OVERALL: answerable} | {
        tag: [question for question in answerable if tag in question.tags] for tag in tags
    }


def detectable(
    now: Mapping[str, float], before: Mapping[str, float] | None, *, confidence: float
) -> Detectable:
    """From the values by question of one version, or of two; ``confidence`` is that of the gate's intervals.

    ``(z(1 - alpha) + z(power)) * spread / sqrt(n)``, with alpha half of what the two-sided interval leaves out:
    Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 2.
    """
    both = sorted(now.keys() & before.keys()) if before is not None else []
    differences = [now[one] - before[one] for one in both] if before is not None else []
    measured = len(differences) > 1 and len(set(differences)) > 1
    values = differences if measured else list(now.values())
    if len(set(values)) < 2:
        return Detectable(len(values), None, None, False)
    spread = stdev(values) if measured else math.sqrt(2) * stdev(values)
    normal = NormalDist()
    factor = normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(POWER)
    return Detectable(len(values), spread, factor * spread / math.sqrt(len(values)), measured)
