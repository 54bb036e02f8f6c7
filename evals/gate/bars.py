"""Checks of the candidate's own scores: against the floors, and against plain BM25."""

from __future__ import annotations

from evals.gate.policy import GatePolicy
from evals.gate.soundness import ROUNDING
from evals.gate.verdict import Check
from evals.measurement import Measurement
from evals.metrics import metric
from evals.statistics import bootstrap_interval, paired_difference
from evals.wording import interval, pair

DEFAULT_METRIC = "nDCG@10"


def floors(policy: GatePolicy, measurement: Measurement) -> list[Check]:
    """One check for each metric with a floor: block when the mean of the main system is below it."""
    checks: list[Check] = []
    for name, bar in policy.metrics.items():
        if bar.floor is None:
            continue
        title = f"floor {name}"
        if name not in measurement.metrics:
            checks.append(_not_measured(title, name, measurement))
            continue
        values = list(measurement.values(measurement.main, name).values())
        found = bootstrap_interval(values, policy.resamples, policy.confidence, policy.seed)
        numbers = {"mean": found.mean, "low": found.low, "high": found.high, "floor": bar.floor}
        mean, floor = pair(found.mean, bar.floor)
        if found.mean >= bar.floor - ROUNDING:
            checks.append(Check(title, "pass", f"{name} {mean} >= floor {floor}", numbers))
        else:
            sentence = f"{name} is {mean} over {found.n} questions; at least {floor} is required."
            checks.append(Check(title, "block", f"{name} {mean} < floor {floor}", numbers, sentence))
    return checks


def against_baseline(policy: GatePolicy, measurement: Measurement) -> list[Check]:
    """One check for each metric of the policy (``nDCG@10`` when it has none): is it significantly worse?

    Significantly worse: the whole interval of the paired difference, main minus baseline, lies below 0.
    """
    checks: list[Check] = []
    for name in policy.metrics or (DEFAULT_METRIC,):
        if metric(name).of != "ranking":
            continue  # plain BM25 ranks documents, and answers nothing
        title = f"baseline {name}"
        if policy.baseline not in measurement.systems:
            sentence = f"The baseline {policy.baseline} was not measured. Evaluate the version again with it."
            checks.append(Check(title, "hold", "baseline not measured", {}, "" if checks else sentence))
            continue
        if name not in measurement.metrics:
            checks.append(_not_measured(title, name, measurement))
            continue
        main, base = measurement.values(measurement.main, name), measurement.values(policy.baseline, name)
        found = paired_difference(main, base, policy.resamples, policy.confidence, policy.seed)
        ours, theirs = sum(main.values()) / len(main), sum(base.values()) / len(base)
        numbers = {
            "mean": ours,
            "baseline": theirs,
            "difference": found.mean,
            "low": found.low,
            "high": found.high,
        }
        figures = f"{ours:.3f} against {theirs:.3f} ({found.mean:+.3f}, {interval(found, policy.confidence)})"
        if found.high >= 0:
            checks.append(Check(title, "pass", f"{name} {figures}", numbers))
        else:
            sentence = f"{name} is worse than that of plain {policy.baseline}: {figures}."
            checks.append(Check(title, "block", f"{name} {figures}", numbers, sentence))
    return checks


def _not_measured(title: str, name: str, measurement: Measurement) -> Check:
    # without an answerable question the evidence check has said so already
    sentence = f"{name} was not measured. Evaluate the version again." if measurement.answerable else ""
    return Check(title, "hold", f"{name} not measured", {}, sentence)
