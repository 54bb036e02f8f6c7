"""Which questions differ from the incumbent, and how; without one, which are furthest from perfect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from evals.measurement import Answered, Asked, Measurement
from evals.metrics import METRICS
from evals.statistics import CONFIDENCE, RESAMPLES, SEED, Interval, bootstrap_interval, paired_difference

HEADLINE = "nDCG@10"
REFUSAL = "Refusal"
_HALF = 0.5
_SAID = 2
_SAME = 1e-9  # two values that differ by less differ by rounding alone


@dataclass(frozen=True, slots=True)
class Compared:
    """A metric of a system over the questions that both measurements have: the incumbent's mean, and the mean of
    candidate minus incumbent, each with its interval."""

    before: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class Difference:
    """A question, with its values of the main system by metric, now and before.

    ``before`` is empty without an incumbent. ``change`` is below 0 for what is worse, from -1 to 1: that of the
    headline metric where it moved, or else the largest of all. ``alarms`` says what leaks or fails, and did not
    before; ``how`` what else is different, or wrong.
    """

    question: str
    before: Mapping[str, float]
    now: Mapping[str, float]
    change: float
    how: tuple[str, ...]
    alarms: tuple[str, ...] = ()


def headline(measurement: Measurement) -> str | None:
    """The metric that questions are ordered by; None where nothing was measured."""
    names = measurement.metrics
    return HEADLINE if HEADLINE in names else next(iter(names), None)


def is_comparable(now: Measurement, before: Measurement | None) -> bool:
    """Whether one evaluator measured both: values of two evaluators say nothing about the versions."""
    return before is not None and now.fingerprints["evaluator"] == before.fingerprints["evaluator"]


def common(now: Measurement, before: Measurement, metric: str) -> list[str]:
    """The questions that both have a value for, with the same contents."""
    known = before.contents(metric)
    return [one for one, contents in now.contents(metric).items() if known.get(one) == contents]


def compare(
    now: Measurement,
    before: Measurement,
    system: str,
    metric: str,
    *,
    among: Collection[str] | None = None,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Compared | None:
    """``metric`` of ``system`` now and before, over the questions of both, or those of them that are ``among``.

    The main systems are compared with each other, whatever they are called. None where there is nothing to compare.
    """
    theirs = before.main if system == now.main else system
    if metric not in before.metrics or theirs not in before.systems_of(metric):
        return None
    ids = [one for one in common(now, before, metric) if among is None or one in among]
    if not ids:
        return None
    ours, old = now.values(system, metric), before.values(theirs, metric)
    a, b = {one: ours[one] for one in ids}, {one: old[one] for one in ids}
    return Compared(
        bootstrap_interval(list(b.values()), resamples, confidence, seed),
        paired_difference(a, b, resamples, confidence, seed),
    )


def differences(now: Measurement, before: Measurement) -> list[Difference]:
    """The questions of both, with the same contents, that differ in anything: worst first, best last."""
    known = {one.question: one for one in before.asked}
    ours, theirs = _by_question(now), _by_question(before)
    answers, old = _answers(now), _answers(before)
    was_wrong = _troubles(before)
    found = []
    for asked in now.asked:
        id = asked.question
        if id not in known or known[id].fingerprint != asked.fingerprint:
            continue
        troubles = [words for key, words in _troubles_of(now, id) if key not in was_wrong]
        how = _moved(headline(now), ours[id], theirs[id])
        how += _answered_otherwise(answers.get(id), old.get(id))
        if troubles or how:
            change = _change(headline(now), ours[id], theirs[id])
            found.append(Difference(id, theirs[id], ours[id], change, tuple(how), tuple(troubles)))
    return sorted(found, key=_worst_first)


def shortfalls(now: Measurement) -> list[Difference]:
    """The questions that something is wrong with, by themselves: worst first.

    By the headline metric, by whether it was right to refuse, and by what a judge gives less than half.
    """
    name = headline(now)
    ours, answers = _by_question(now), _answers(now)
    refusals = {row.question: row.value for row in now.scores if row.metric == REFUSAL and not row.failed}
    found = []
    for asked in now.asked:
        id = asked.question
        troubles = [words for _, words in _troubles_of(now, id)]
        short = {metric: value for metric, value in ours[id].items() if _is_short(metric, name, value)}
        if REFUSAL in short and id not in refusals:
            del short[REFUSAL]  # there is no answer: that is the failure which is said already
        how = [_wanting(asked, metric, value, answers.get(id)) for metric, value in short.items()]
        if troubles or how:
            best = {metric: METRICS[metric].high if metric in METRICS else 1.0 for metric in short}
            change = _change(name, short, best)
            found.append(Difference(id, {}, ours[id], change, tuple(how), tuple(troubles)))
    return sorted(found, key=_worst_first)


def most_changed(found: list[Difference], most: int) -> list[Difference]:
    """The ``most`` that changed most either way, those that leak or fail first of all; in the order given."""
    ranked = sorted(range(len(found)), key=lambda place: (not found[place].alarms, -abs(found[place].change)))
    return [found[place] for place in sorted(ranked[:most])]


def _worst_first(one: Difference) -> tuple[bool, float]:
    return not one.alarms, one.change


def signed(value: float) -> str:
    """``+0.120``, with a minus sign that is as wide as the plus; what rounds to nothing has none."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text.replace("-", "−")


def _by_question(measurement: Measurement) -> dict[str, dict[str, float]]:
    values: dict[str, dict[str, float]] = {one.question: {} for one in measurement.asked}
    for row in measurement.scores:
        if row.system == measurement.main:
            values[row.question][row.metric] = row.value
    return values


def _answers(measurement: Measurement) -> dict[str, Answered]:
    return {one.question: one for one in measurement.answers}


def _troubles(measurement: Measurement) -> set[tuple[str, ...]]:
    return {key for one in measurement.asked for key, _ in _troubles_of(measurement, one.question)}


def _troubles_of(measurement: Measurement, question: str) -> list[tuple[tuple[str, ...], str]]:
    """What tells a trouble from another, and the words for it."""
    leaks = [
        (("leak", question, leak.document), f"leaks {leak.document}")
        for leak in measurement.leaks
        if leak.question == question
    ]
    failures = [
        (("failure", question, one.system), f"{one.system} failed")
        for one in measurement.failures
        if one.question == question
    ]
    return list(dict.fromkeys(leaks + failures))


def _moved(name: str | None, now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    """The headline metric, and the two of passages and answers that moved most: rankings' metrics move together."""
    moved = {metric: now[metric] - before[metric] for metric in now if metric in before}
    moved = {metric: by for metric, by in moved.items() if abs(by) >= _SAME}
    how = []
    if name == HEADLINE in moved and 0 in (now[name], before[name]):
        how.append("lost its documents" if now[name] == 0 else "found its documents")
    elif name in moved:
        how.append(f"{name} {signed(moved[name])}")
    others = [
        metric
        for metric in moved
        if metric != name and (metric not in METRICS or METRICS[metric].of != "ranking")
    ]
    furthest = sorted(others, key=lambda metric: -abs(moved[metric]))[:_SAID]
    how += [f"{metric} {signed(moved[metric])}" for metric in furthest]
    return how or (["other metrics of the ranking"] if moved else [])


def _answered_otherwise(now: Answered | None, before: Answered | None) -> list[str]:
    if now is None or before is None:
        return []
    how = [] if now.refused == before.refused else ["refused now" if now.refused else "answered now"]
    if now.passages != before.passages:
        same = sorted(now.passages) == sorted(before.passages)
        how.append("passages in another order" if same else "other passages")
    return how


def _is_short(metric: str, name: str | None, value: float) -> bool:
    if metric in (name, REFUSAL):
        return value < 1 - _SAME
    return metric in METRICS and METRICS[metric].judged and value < _HALF


def _wanting(asked: Asked, metric: str, value: float, answer: Answered | None) -> str:
    """What is wrong with a question by itself."""
    if metric == HEADLINE and value == 0:
        return "none of its documents found"
    if metric == REFUSAL:
        return "refused" if answer is not None and answer.refused else f"answered, although {asked.kind}"
    return f"{metric} {value:.3f}"


def _change(name: str | None, now: Mapping[str, float], before: Mapping[str, float]) -> float:
    """For the better above 0, as a part of what each metric can move."""
    moved = {metric: _better(metric, now[metric] - before[metric]) for metric in now if metric in before}
    if name is not None and abs(moved.get(name, 0.0)) >= _SAME:
        return moved[name]
    return max(moved.values(), key=abs, default=0.0)


def _better(metric: str, difference: float) -> float:
    if metric not in METRICS:
        return difference
    one = METRICS[metric]
    return difference / (one.high - one.low) * (1 if one.higher_is_better else -1)
