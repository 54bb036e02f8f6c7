"""The gate: turns measurements into ``promote``, ``hold`` or ``block``."""

from evals.gate.decide import decide
from evals.gate.policy import Bar, Candidate, CorpusState, GatePolicy, Latency
from evals.gate.verdict import Check, Decision, Outcome, Reason, Verdict

__all__ = [
    "Bar",
    "Candidate",
    "Check",
    "CorpusState",
    "Decision",
    "GatePolicy",
    "Latency",
    "Outcome",
    "Reason",
    "Verdict",
    "decide",
]
