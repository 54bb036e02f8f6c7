"""A policy, measurements, and short ways to look at a verdict."""

from evals.gate import Bar, Candidate, Check, CorpusState, GatePolicy, Verdict, decide
from evals.measurement import Leak, Measurement
from tests.evals.making import measured

POLICY = GatePolicy({"nDCG@10": Bar(floor=0.6, margin=0.02)}, resamples=200)
GOOD = measured([0.8] * 10)
SOUND = CorpusState(indexed=9, expected=9, active=3)
LEAK = Leak("q3", "user:bob@acme.example", "s/secret", ("fused",))


def candidate(measurement: Measurement, documents: int = 3, chunks: int = 9) -> Candidate:
    return Candidate(7, documents, chunks, measurement, SOUND)


def verdict(measurement: Measurement, incumbent: Measurement | None = None) -> Verdict:
    return decide(POLICY, candidate(measurement), incumbent)


def check(found: Verdict, name: str) -> Check:
    (one,) = [one for one in found.checks if one.name == name]
    return one


def sentences(found: Verdict) -> list[str]:
    return [reason.sentence for reason in found.reasons]
