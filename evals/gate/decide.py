"""The gate: measurements in, a decision with its reasons out. A pure function."""

from __future__ import annotations

from evals.gate.approval import approval
from evals.gate.bars import DEFAULT_METRIC, against_baseline, floors
from evals.gate.policy import Candidate, GatePolicy
from evals.gate.regression import against_incumbent
from evals.gate.soundness import (
    complete,
    deletes_applied,
    evidence,
    failures,
    fast,
    fresh,
    no_leaks,
    not_empty,
    not_quarantined,
    vectors,
)
from evals.gate.verdict import Check, Decision, Reason, Verdict
from evals.measurement import Measurement
from evals.wording import counted


def decide(policy: GatePolicy, candidate: Candidate, incumbent: Measurement | None) -> Verdict:
    """Whether ``candidate`` may be promoted over ``incumbent``, the promoted version's measurement, if any.

    Every check is made and listed, whatever the others say. One that blocks blocks; else one that holds
    holds; else the candidate is promoted.
    """
    measurement = candidate.measurement
    regressions = against_incumbent(policy, candidate, incumbent)
    optional = fast(policy, candidate), approval(policy, candidate, regressions)
    checks = (
        not_empty(candidate),
        complete(candidate),
        deletes_applied(candidate),
        vectors(candidate),
        fresh(candidate),
        not_quarantined(policy, candidate),
        evidence(measurement),
        no_leaks(measurement),
        failures(measurement),
        *floors(policy, measurement),
        *regressions,
        *against_baseline(policy, measurement),
        *(check for check in optional if check is not None),
    )
    blocking = [check for check in checks if check.outcome == "block"]
    holding = [check for check in checks if check.outcome == "hold"]
    decision: Decision = "block" if blocking else "hold" if holding else "promote"
    reasons = [Reason(one.name, one.outcome, one.sentence) for one in (*blocking, *holding) if one.sentence]
    if decision == "promote":
        reasons = [Reason("summary", "pass", _summary(policy, candidate, checks))]
    return Verdict(decision, tuple(reasons), checks)


def _summary(policy: GatePolicy, candidate: Candidate, checks: tuple[Check, ...]) -> str:
    measurement = candidate.measurement
    means = [
        f"{name} {sum(values.values()) / len(values):.3f}"
        for name in policy.metrics or (DEFAULT_METRIC,)
        for values in (measurement.values(measurement.main, name),)
    ]
    return (
        f"Version {candidate.version} passed all {len(checks)} checks: {', '.join(means)} over "
        f"{counted(len(measurement.answerable), 'question')}, no leaks, "
        f"{counted(len(measurement.failed), 'failed question')}."
    )
