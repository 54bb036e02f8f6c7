"""Checks of the version and of the measurement itself, before any score is looked at."""

from __future__ import annotations

from evals.gate.policy import Candidate, GatePolicy
from evals.gate.verdict import Check
from evals.measurement import Measurement
from evals.wording import counted, named

LEAST_QUESTIONS = 5
"""Fewer answerable questions than this are no evidence."""
ROUNDING = 1e-9  # 0.78 - 0.76 is a little more than 0.02 to a computer, and not to a person
MOST_FAILED = 0.05
"""The share of questions that may fail (each scores 0 all the same)."""


def not_empty(candidate: Candidate) -> Check:
    """An empty index is an incident, however well it scores."""
    figure = f"{counted(candidate.documents, 'document')}, {counted(candidate.chunks, 'chunk')}"
    numbers = {"documents": float(candidate.documents), "chunks": float(candidate.chunks)}
    if candidate.documents > 0 and candidate.chunks > 0:
        return Check("not empty", "pass", figure, numbers)
    return Check("not empty", "block", figure, numbers, f"Version {candidate.version} is empty: {figure}.")


def complete(candidate: Candidate) -> Check:
    """The index holds every passage that the catalog has for it."""
    state = candidate.state
    figure = f"{state.indexed} of {counted(state.expected, 'passage')} in the index"
    numbers = {"indexed": float(state.indexed), "expected": float(state.expected)}
    if state.indexed >= state.expected:
        return Check("complete", "pass", figure, numbers)
    sentence = (
        f"The index of version {candidate.version} lacks {state.expected - state.indexed} of "
        f"{counted(state.expected, 'passage')} that the catalog has for it. Run lockgate ingest --rebuild."
    )
    return Check("complete", "block", figure, numbers, sentence)


def deletes_applied(candidate: Candidate) -> Check:
    """The index holds nothing that the catalog has no more, but for what is being erased."""
    state = candidate.state
    extra = max(0, state.indexed - state.expected)
    numbers = {"extra": float(extra), "erasing": float(state.erasing)}
    figure = f"{counted(extra, 'passage')} too many"
    if state.erasing:
        return Check("deletes applied", "pass", f"{counted(state.erasing, 'document')} being erased", numbers)
    if not extra:
        return Check("deletes applied", "pass", figure, numbers)
    sentence = (
        f"The index of version {candidate.version} holds {counted(extra, 'passage')} that the catalog has no more: "
        "what was deleted was not taken out. Run lockgate ingest --rebuild."
    )
    return Check("deletes applied", "block", figure, numbers, sentence)


def vectors(candidate: Candidate) -> Check:
    """Every passage that was looked at has the vector of its text."""
    compared, misplaced = candidate.state.compared, candidate.state.misplaced
    figure = f"{counted(compared, 'passage')} compared, {counted(len(misplaced), 'document')} wrong"
    numbers = {"compared": float(compared), "wrong documents": float(len(misplaced))}
    if not misplaced:
        return Check("vectors", "pass", figure, numbers)
    sentence = (
        f"The index of version {candidate.version} has passages with a vector that is not of their text, in "
        f"{named(misplaced)} ({counted(compared, 'passage')} compared). Run lockgate ingest --rebuild."
    )
    return Check("vectors", "block", figure, numbers, sentence)


def fast(policy: GatePolicy, candidate: Candidate) -> Check | None:
    """A search takes no more than so many times as long as one of the incumbent."""
    found, most = candidate.latency, policy.max_latency_ratio
    if most is None or found is None:
        return None
    figure = f"{found.ratio:.2f} times as long ({found.low:.2f} to {found.high:.2f})"
    numbers = {"ratio": found.ratio, "low": found.low, "high": found.high, "most": most}
    if found.high <= most:
        return Check("latency", "pass", figure, numbers)
    said = f"A search takes {figure} as one of the promoted release, over {counted(found.n, 'question')}"
    if found.low > most:
        return Check("latency", "block", figure, numbers, f"{said}; at most {most:g} times may be.")
    sentence = (
        f"{said}: more than {most:g} times cannot be ruled out. Run lockgate promote again when it is quiet."
    )
    return Check("latency", "hold", figure, numbers, sentence)


def fresh(candidate: Candidate) -> Check:
    """No source is further behind than it may be."""
    stale = candidate.state.stale
    figure = f"{counted(len(stale), 'source')} over the limit"
    numbers = {"stale": float(len(stale))}
    if not stale:
        return Check("freshness", "pass", figure, numbers)
    old = [
        f"{name} ({'never listed' if lag is None else f'{lag / 3600:.1f} h old'}, at most {limit / 3600:.1f} h)"
        for name, (lag, limit) in stale.items()
    ]
    sentence = f"Version {candidate.version} is behind its sources: {named(old)}. Run lockgate ingest."
    return Check("freshness", "hold", figure, numbers, sentence)


def not_quarantined(policy: GatePolicy, candidate: Candidate) -> Check:
    """Most of what the sources hold could be parsed."""
    state = candidate.state
    total = state.active + state.quarantined
    figure = f"{state.quarantined} of {counted(total, 'document')} kept out"
    numbers = {"quarantined": float(state.quarantined), "documents": float(total)}
    if state.quarantined <= policy.max_quarantined * total + ROUNDING:
        return Check("quarantine", "pass", figure, numbers)
    sentence = (
        f"{state.quarantined} of {counted(total, 'document')} are kept out as they cannot be read; at most "
        f"{policy.max_quarantined * 100:g} % may. See lockgate status for the reasons."
    )
    return Check("quarantine", "hold", figure, numbers, sentence)


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
