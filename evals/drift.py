"""What moved between two measurements of the same release, when nothing of it should have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.measurement import Measurement
from evals.statistics import paired_difference
from evals.wording import counted, named


@dataclass(frozen=True, slots=True)
class Moved:
    """The mean of a metric before and now, and the interval of its change."""

    before: float
    now: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReleaseDrift:
    """Every metric that both measurements have, and the reasons for an alert, a sentence each."""

    metrics: Mapping[str, Moved]
    reasons: tuple[str, ...]


def release_drift(
    before: Measurement, now: Measurement, resamples: int, confidence: float, seed: int
) -> ReleaseDrift:
    """Compares by the questions that both asked.

    An alert is a leak or a failed question that was none before, and a metric whose interval of the paired change
    leaves out 0: without a change of anything, rankings do not move at all, and what a model says moves by luck.
    """
    metrics: dict[str, Moved] = {}
    reasons = []
    for name in now.metrics:
        if name not in before.metrics:
            continue
        known = before.contents(name)
        common = [one for one, contents in now.contents(name).items() if known.get(one) == contents]
        if not common:
            continue
        ours, theirs = now.values(now.main, name), before.values(before.main, name)
        found = paired_difference(
            {one: ours[one] for one in common},
            {one: theirs[one] for one in common},
            resamples,
            confidence,
            seed,
        )
        was = sum(theirs[one] for one in common) / len(common)
        metrics[name] = Moved(was, was + found.mean, found.low, found.high)
        if found.low > 0 or found.high < 0:
            reasons.append(f"{name} moved from {was:.3f} to {was + found.mean:.3f} ({found.mean:+.3f}).")
    leaks = {(one.question, one.document) for one in now.leaks} - {
        (one.question, one.document) for one in before.leaks
    }
    if leaks:
        reasons.insert(0, f"{counted(len(leaks), 'leak')} more: {named(sorted(q for q, _ in leaks))}.")
    failed = sorted(set(now.failed) - set(before.failed))
    if failed:
        reasons.append(f"{counted(len(failed), 'question')} more failed: {named(failed)}.")
    return ReleaseDrift(metrics, tuple(reasons))
