"""Checks against the incumbent: the same questions, paired."""

from __future__ import annotations

from evals.gate.bars import ROUNDING
from evals.gate.policy import Candidate, GatePolicy
from evals.gate.soundness import LEAST_QUESTIONS
from evals.gate.verdict import Check
from evals.measurement import Measurement
from evals.statistics import paired_difference
from evals.wording import counted, interval, named, pair


def against_incumbent(policy: GatePolicy, candidate: Candidate, incumbent: Measurement | None) -> list[Check]:
    """Whether the two can be compared, then one check a metric.

    A metric blocks when the mean of its paired differences, candidate minus incumbent, is below ``-margin``.
    The interval is shown and decides nothing: a wide one must not let a real loss through.
    """
    if incumbent is None:
        return [Check("incumbent", "pass", "no incumbent to compare with")]
    measurement = candidate.measurement
    known = incumbent.answerable
    # a question that was rewritten or graded anew under its old id is another question
    common = [one for one, contents in measurement.answerable.items() if known.get(one) == contents]
    comparable = _comparable(candidate, incumbent, common)
    checks = [comparable]
    for name in policy.metrics:
        if not comparable.passed:
            checks.append(Check(f"regression {name}", "hold", f"{name} not compared"))
        elif name not in measurement.metrics or name not in incumbent.metrics:
            sentence = f"{name} was not measured for both versions. Evaluate both again."
            checks.append(Check(f"regression {name}", "hold", f"{name} not measured", {}, sentence))
        else:
            checks.append(_regression(policy, name, measurement, incumbent, common))
    return checks


def _comparable(candidate: Candidate, incumbent: Measurement, common: list[str]) -> Check:
    measurement = candidate.measurement
    numbers = {"common": float(len(common)), "answerable": float(len(measurement.answerable))}
    ours, theirs = measurement.fingerprints["evaluator"], incumbent.fingerprints["evaluator"]
    if ours != theirs:
        sentence = (
            "The promoted version was measured with another evaluator, so that the scores cannot be "
            f"compared. Evaluate the promoted version again, and version {candidate.version} too if its "
            "measurement is the older one."
        )
        figure = f"evaluator {ours[:12]}, incumbent's {theirs[:12]}"
        return Check("incumbent", "hold", figure, numbers, sentence)
    figure = f"{counted(len(common), 'question')} in common with the incumbent"
    if len(common) >= LEAST_QUESTIONS:
        return Check("incumbent", "pass", figure, numbers)
    # too few questions altogether is what the evidence check says
    few = len(measurement.answerable) < LEAST_QUESTIONS
    sentence = (
        f"Version {candidate.version} cannot be compared with the promoted one: they were measured on "
        f"{len(common) or 'no'} common {'question' if len(common) == 1 else 'questions'}, and at least "
        f"{LEAST_QUESTIONS} are needed. Evaluate the promoted version again on the present golden questions."
    )
    return Check("incumbent", "hold", figure, numbers, "" if few else sentence)


def _regression(
    policy: GatePolicy, name: str, measurement: Measurement, incumbent: Measurement, common: list[str]
) -> Check:
    margin = policy.metrics[name].margin
    measured, previous = measurement.values(measurement.main, name), incumbent.values(incumbent.main, name)
    now = {one: measured[one] for one in common}
    before = {one: previous[one] for one in common}
    found = paired_difference(now, before, policy.resamples, policy.confidence, policy.seed)
    means = sum(before.values()) / len(common), sum(now.values()) / len(common)
    was, is_now = pair(*means)
    figure = f"{name} {was} to {is_now} ({found.mean:+.3f}, {interval(found, policy.confidence)})"
    numbers = {
        "before": means[0],
        "now": means[1],
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "margin": margin,
    }
    if found.mean >= -margin - ROUNDING:
        return Check(f"regression {name}", "pass", figure, numbers)
    sentence = (
        f"{name} fell from {was} to {is_now} ({found.mean:+.3f}, {interval(found, policy.confidence)}); "
        f"at most {-margin:.3f} is allowed. {_losers(now, before)}"
    )
    return Check(f"regression {name}", "block", figure, numbers, sentence)


def _losers(now: dict[str, float], before: dict[str, float]) -> str:
    """Which questions to look at: those that fell to nothing, or else those that fell furthest."""
    lost = [one for one in now if now[one] == 0 < before[one]]
    if lost:
        whose = "its document" if len(lost) == 1 else "their document"
        return f"{len(lost)} of {counted(len(now), 'question')} lost {whose}, first: {named(lost)}."
    fell = sorted((one for one in now if now[one] < before[one]), key=lambda one: now[one] - before[one])
    return f"{len(fell)} of {counted(len(now), 'question')} fell, furthest: {named(fell)}."
