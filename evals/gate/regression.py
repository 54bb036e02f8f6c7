"""Checks against the incumbent: the same questions, paired."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from evals.gate.bars import DEFAULT_METRIC
from evals.gate.policy import Candidate, GatePolicy
from evals.gate.soundness import LEAST_QUESTIONS, ROUNDING
from evals.gate.verdict import Check
from evals.measurement import Measurement
from evals.metrics import METRICS
from evals.permutation import paired_permutation_p
from evals.statistics import Interval, holm, paired_difference
from evals.wording import counted, interval, named, pair

LEAST_DIFFERING = 6
"""An interval from fewer differences shows little but these: a fall that no question shows yet is not in it."""
_RULE_OF_THREE = 3.0
"""Of what was not seen in n questions at most 3 in n are to be expected (Hanley and Lippman-Hand, If nothing goes
wrong, is everything all right?, JAMA 249, 1983): from 3 / margin questions on that is less than the margin."""


def against_incumbent(policy: GatePolicy, candidate: Candidate, incumbent: Measurement | None) -> list[Check]:
    """Whether the two can be compared, then one check a metric, and one a slice of it.

    By the interval of the mean paired difference, candidate minus incumbent: it passes where all of the interval
    lies above ``-margin``; it blocks where it does not and the candidate is worse beyond chance; else nobody
    can tell yet, and it holds. So it does where only few of few questions differ. All must pass, so that passing
    needs no correction for their number; what blocks is corrected by Holm's procedure, and so are the rankings
    behind the fused one, so that chance blocks seldom however many there are.
    """
    if incumbent is None:
        return [Check("incumbent", "pass", "no incumbent to compare with")]
    measurement = candidate.measurement
    comparable = _comparable(candidate, incumbent, _common(measurement, incumbent, DEFAULT_METRIC))
    wanted = _wanted(policy, measurement, incumbent)
    alpha = (1 - policy.confidence) / 2
    # of so many resamples the smallest share must be small enough for Holm's first step
    enough = math.ceil(2 * len(wanted) * len(measurement.systems) / alpha)
    policy = replace(policy, resamples=max(policy.resamples, enough))
    checks: list[Check] = []
    compared: list[_Compared] = []
    for title, name, margin, ids in wanted:
        if not comparable.passed:
            checks.append(Check(title, "hold", f"{name} not compared"))
        elif name not in measurement.metrics or name not in incumbent.metrics:
            sentence = f"{name} was not measured for both versions. Evaluate both again."
            checks.append(Check(title, "hold", f"{name} not measured", {}, sentence))
        elif len(ids) < LEAST_QUESTIONS:
            sentence = (
                f"Of {title.removeprefix('regression ')} there are {counted(len(ids), 'question')} to compare; "
                f"at least {LEAST_QUESTIONS} are needed."
            )
            checks.append(Check(title, "hold", counted(len(ids), "question"), {}, sentence))
        else:
            compared.append(_compare(policy, title, name, margin, measurement, incumbent, ids))
    legs = _legs(policy, measurement, incumbent, compared)
    # each family by itself: what happened to the legs must not make a fall of what readers get harder to see
    worse = holm([each.p_worse for each in compared], alpha)
    checks += [_regression(policy, *each) for each in zip(compared, worse, strict=True)]
    order = {title: place for place, (title, *_) in enumerate(wanted)}
    checks.sort(key=lambda check: order[check.name])
    said = {check.name for check in checks if check.outcome == "block"}
    broken = holm([each.p_worse for each in legs], alpha)
    of_legs = [_leg(policy, leg, is_worse, blocked=said) for leg, is_worse in zip(legs, broken, strict=True)]
    return [comparable, *checks, *of_legs]


@dataclass(frozen=True, slots=True)
class _Compared:
    """One metric over the same questions of two versions."""

    title: str
    name: str
    margin: float
    now: dict[str, float]
    before: dict[str, float]
    difference: Interval
    p_worse: float
    """How likely a mean as low as this is by chance alone."""

    @property
    def differing(self) -> int:
        """Questions with another value than before."""
        return sum(self.now[one] != self.before[one] for one in self.now)


def _wanted(
    policy: GatePolicy, measurement: Measurement, incumbent: Measurement
) -> list[tuple[str, str, float, list[str]]]:
    """Title, metric, margin and questions of each comparison."""
    found = []
    for name, bar in policy.metrics.items():
        common = _common(measurement, incumbent, name)
        found.append((f"regression {name}", name, bar.margin, common))
        for tag, margin in bar.slices.items():
            ids = [one for one in common if tag in measurement.tags[one]]
            found.append((f"regression {name} of {tag}", name, margin, ids))
    return found


def _common(measurement: Measurement, incumbent: Measurement, name: str) -> list[str]:
    """The questions that both have a value for: one rewritten or graded anew under its old id is another one."""
    known = incumbent.contents(name)
    return [one for one, contents in measurement.contents(name).items() if known.get(one) == contents]


def _legs(
    policy: GatePolicy, measurement: Measurement, incumbent: Measurement, compared: Sequence[_Compared]
) -> list[_Compared]:
    """Each ranking behind the fused one, by itself: fusion hides for a while that one of them broke."""
    found = []
    for each in compared:
        if METRICS[each.name].of != "ranking" or " of " in each.title:
            continue
        for leg in measurement.systems:
            if leg in (measurement.main, policy.baseline) or leg not in incumbent.systems:
                continue
            ours, theirs = measurement.values(leg, each.name), incumbent.values(leg, each.name)
            now, before = {one: ours[one] for one in each.now}, {one: theirs[one] for one in each.now}
            difference = paired_difference(now, before, policy.resamples, policy.confidence, policy.seed)
            # exact however few they are, where resampling of few finds too much
            p_worse = paired_permutation_p(
                [now[one] - before[one] for one in now], policy.resamples, policy.seed, "less"
            )
            title = f"leg {each.name} {leg}"
            found.append(_Compared(title, each.name, each.margin, now, before, difference, p_worse))
    return found


def _leg(policy: GatePolicy, compared: _Compared, is_worse: bool, blocked: Collection[str]) -> Check:
    """It blocks where the whole interval of the difference lies below ``-margin`` and that is beyond chance, and
    says nothing else: what matters is the fused ranking, and a leg may well be a little worse. Where the fused one
    is ``blocked`` itself, nothing more needs to be said of its legs."""
    found, leg = compared.difference, compared.title.rsplit(" ", 1)[-1]
    said = interval(found, policy.confidence)
    figure = f"{compared.name} of {leg} {found.mean:+.3f}, {said}"
    numbers = {"low": found.low, "high": found.high, "margin": compared.margin}
    if not is_worse or found.high >= -compared.margin - ROUNDING:
        return Check(compared.title, "pass", figure, numbers)
    sentence = (
        f"The {leg} ranking by itself is worse than the promoted one's ({figure}): something of it broke, "
        "although the two together may hide that."
    )
    said_already = f"regression {compared.name}" in blocked
    return Check(compared.title, "block", figure, numbers, "" if said_already else sentence)


def _compare(
    policy: GatePolicy,
    title: str,
    name: str,
    margin: float,
    measurement: Measurement,
    incumbent: Measurement,
    ids: Sequence[str],
) -> _Compared:
    measured, previous = measurement.values(measurement.main, name), incumbent.values(incumbent.main, name)
    now, before = {one: measured[one] for one in ids}, {one: previous[one] for one in ids}
    found = paired_difference(now, before, policy.resamples, policy.confidence, policy.seed)
    return _Compared(title, name, margin, now, before, found, found.p_not_below)


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


def _regression(policy: GatePolicy, compared: _Compared, is_worse: bool) -> Check:
    name, margin, found = compared.name, compared.margin, compared.difference
    count = len(compared.now)
    means = sum(compared.before.values()) / count, sum(compared.now.values()) / count
    was, is_now = pair(*means)
    said = interval(found, policy.confidence)
    figure = f"{name} {was} to {is_now} ({found.mean:+.3f}, {said})"
    numbers = {
        "before": means[0],
        "now": means[1],
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "margin": margin,
    }
    may_be_beyond = found.low < -margin - ROUNDING
    scant = 0 < compared.differing < LEAST_DIFFERING and count * margin < _RULE_OF_THREE
    if not may_be_beyond and not scant:
        return Check(compared.title, "pass", figure, numbers)
    slice_ = compared.title.removeprefix("regression ")
    if may_be_beyond and is_worse:
        sentence = (
            f"{slice_} fell from {was} to {is_now} ({found.mean:+.3f}, {said}); "
            f"at most {-margin:.3f} is allowed. {_losers(compared.now, compared.before)}"
        )
        return Check(compared.title, "block", figure, numbers, sentence)
    few = "" if may_be_beyond else f", by only {counted(compared.differing, 'question')} that differ"
    sentence = (
        f"{slice_} went from {was} to {is_now} over {counted(count, 'question')} ({found.mean:+.3f}, {said}){few}"
        f": a fall by more than {margin:.3f} cannot be ruled out. {_more_questions(policy, margin, found)}"
    )
    return Check(compared.title, "hold", figure, numbers, sentence)


def _more_questions(policy: GatePolicy, margin: float, found: Interval) -> str:
    """How many there would have to be beside these, if they differ as these do: an interval's half is
    ``z * spread / sqrt(n)``, and has to be shorter than the way to the margin, or to 0 for what is worse. And
    enough for the rule of three, where few of them differ."""
    room = found.mean + margin if found.mean > -margin else -found.mean
    if not room:
        return "More questions like these would not settle it; a person may approve."
    needed = (NormalDist().inv_cdf((1 + policy.confidence) / 2) * found.spread / room) ** 2
    if margin and found.low >= -margin - ROUNDING:
        needed = max(needed, _RULE_OF_THREE / margin)
    more = max(1, math.ceil(needed - ROUNDING) - found.n)
    return f"About {counted(more, 'more question')} like these would settle it, or a person may approve."


def _losers(now: dict[str, float], before: dict[str, float]) -> str:
    """Which questions to look at: those that fell to nothing, or else those that fell furthest."""
    lost = [one for one in now if now[one] == 0 < before[one]]
    if lost:
        whose = "its document" if len(lost) == 1 else "their document"
        return f"{len(lost)} of {counted(len(now), 'question')} lost {whose}, first: {named(lost)}."
    fell = sorted((one for one in now if now[one] < before[one]), key=lambda one: now[one] - before[one])
    return f"{len(fell)} of {counted(len(now), 'question')} fell, furthest: {named(fell)}."
