"""Checks of the version and of the measurement itself, before any score is looked at."""

from __future__ import annotations

from evals.gate.policy import Candidate
from evals.gate.verdict import Check
from evals.measurement import Measurement
from evals.wording import counted, named

LEAST_QUESTIONS = 5
"""Fewer answerable questions than this are no evidence."""
MOST_FAILED = 0.05
"""The share of questions that may fail (each scores 0 all the same)."""


def not_empty(candidate: Candidate) -> Check:
    """An empty index is an incident, however well it scores."""
    figure = f"{counted(candidate.documents, 'document')}, {counted(candidate.chunks, 'chunk')}"
    numbers = {"documents": float(candidate.documents), "chunks": float(candidate.chunks)}
    if candidate.documents > 0 and candidate.chunks > 0:
        return Check("not empty", "pass", figure, numbers)
    return Check("not empty", "block", figure, numbers, f"Version {candidate.version} is empty: {figure}.")


def evidence(measurement: Measurement) -> Check:
    """Is there enough to judge by?"""
    count = len(measurement.answerable)
    figure = f"{counted(count, 'answerable question')}, at least {LEAST_QUESTIONS} needed"
    numbers = {"answerable": float(count), "needed": float(LEAST_QUESTIONS)}
    if count >= LEAST_QUESTIONS:
        return Check("evidence", "pass", figure, numbers)
    found = f"only {counted(count, 'golden question')} can be answered" if count else "nothing was measured"
    sentence = (
        f"Not enough evidence: {found}; at least {LEAST_QUESTIONS} answerable golden questions are needed."
    )
    return Check("evidence", "hold", figure, numbers, sentence)


def no_leaks(measurement: Measurement) -> Check:
    """Nobody got a document that they may not have."""
    leaks = measurement.leaks
    figure = f"{counted(len(leaks), 'leak')} in {counted(len(measurement.asked), 'question')}"
    numbers = {"leaks": float(len(leaks)), "asked": float(len(measurement.asked))}
    if not leaks:
        return Check("leaks", "pass", figure, numbers)
    found = [f"{leak.document} to {leak.principal} (question {leak.question})" for leak in leaks]
    what = (
        "a document that its reader may not have"
        if len(leaks) == 1
        else "documents that readers may not have"
    )
    return Check("leaks", "block", figure, numbers, f"The index gave {what}: {named(found, 10)}.")


def failures(measurement: Measurement) -> Check:
    """Failed questions score 0; many of them mean that the measurement itself is broken."""
    failed, asked = measurement.failed, len(measurement.asked)
    figure = f"{len(failed)} of {counted(asked, 'question')} failed"
    if failed:
        figure += f": {named(failed)}"
    numbers = {"failed": float(len(failed)), "asked": float(asked)}
    if len(failed) <= MOST_FAILED * asked:
        return Check("failures", "pass", figure, numbers)
    kinds = sorted({one.error for one in measurement.failures})
    sentence = (
        f"{len(failed)} of {counted(asked, 'question')} failed ({', '.join(kinds)}): {named(failed)}; "
        f"at most {MOST_FAILED * 100:g} % may."
    )
    return Check("failures", "block", figure, numbers, sentence)
