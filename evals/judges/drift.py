"""Whether a judge still judges as it did: the same answers, judged again."""

from __future__ import annotations

from dataclasses import dataclass

from evals.judges.calibration import Calibration
from evals.statistics import Interval, bootstrap_interval
from rag.errors import EvaluationError

MOVED = 0.1
"""A single score that moved by more than this is counted."""
_MORE_FAILURES = 0.05


@dataclass(frozen=True, slots=True)
class JudgeDrift:
    """``difference`` of the scores, now minus before, over the labelled answers; how many ``moved`` by more than
    ``MOVED``; and why that is an alert, a sentence each: none where it is not."""

    difference: Interval
    moved: int
    reasons: tuple[str, ...]


def drift(
    before: Calibration, now: Calibration, *, tolerance: float, floor: float, resamples: int, seed: int = 0
) -> JudgeDrift:
    """Compares two calibrations by the same labels.

    It is an alert where the mean moved by more than ``tolerance`` and not by chance, where one in twenty answers
    more failed, or where the AUROC fell below ``floor``. Raises ``EvaluationError`` for other labels.
    """
    if before.labels_fingerprint != now.labels_fingerprint:
        raise EvaluationError("the two calibrations are not by the same labels")
    pairs = zip(before.pairs_as_measured, now.pairs_as_measured, strict=True)
    differences = [then[0] - first[0] for first, then in pairs]
    found = bootstrap_interval(differences, resamples, now.confidence, seed)
    reasons = []
    if abs(found.mean) > tolerance and (found.low > 0 or found.high < 0):
        reasons.append(
            f"its scores moved by {found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f}), "
            f"more than {tolerance:g}"
        )
    if now.failures - before.failures > _MORE_FAILURES * now.n:
        reasons.append(f"{now.failures} of {now.n} answers were not judged, where it were {before.failures}")
    if now.auroc.mean < floor <= before.auroc.mean:
        reasons.append(
            f"its AUROC fell from {before.auroc.mean:.3f} to {now.auroc.mean:.3f}, below {floor:g}"
        )
    return JudgeDrift(found, sum(abs(one) > MOVED for one in differences), tuple(reasons))
