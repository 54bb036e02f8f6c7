"""The questions that changed most against the incumbent, or without one the worst, with their passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.golden import Question
from evals.measurement import Answered, Asked
from evals.reports.differences import (
    Difference,
    common,
    differences,
    headline,
    most_changed,
    shortfalls,
    signed,
)
from evals.reports.page_markup import Column, Html, Rows, folded, join, name, prose, section, table, wrap
from evals.reports.page_passages import Budget, Side, Texts, passages, places
from evals.reports.page_plots import difference_bars
from evals.reports.page_sides import Sides
from evals.wording import counted

MOST = 50
"""Questions that are shown with their passages."""
_MOST_ROWS = 1000
_SHORT = 160
_LONG = 1000
_TONES = {"−": "worse", "+": "better"}


@dataclass(frozen=True, slots=True)
class Contents:
    """What golden files and documents say: questions by id, and texts as each version has them."""

    questions: Mapping[str, Question]
    texts: Texts
    texts_before: Texts


def changes(sides: Sides, contents: Contents) -> Html:
    """Each question that differs, worst first; those that changed most with everything, the others as rows."""
    before = sides.comparable
    found = differences(sides.now, before) if before is not None else shortfalls(sides.now)
    title = f"Differences from {sides.incumbent_title}" if before is not None else "Questions to look at"
    parts = [_bars(sides), _said(sides, found)]
    told = most_changed(found, MOST)
    asked = {one.question: one for one in sides.now.asked}
    now = {one.question: one for one in sides.now.answers}
    old = {one.question: one for one in before.answers} if before is not None else {}
    budget = Budget()
    for number, one in enumerate(told, start=1):
        beside = _sides(sides, contents, now.get(one.question), old.get(one.question))
        parts.append(_question(sides, one, number, asked[one.question], contents, beside, budget))
    seen = {one.question for one in told}
    parts.append(_rest(sides, contents, [one for one in found if one.question not in seen]))
    return section("questions", title, *parts)


def _bars(sides: Sides) -> Html:
    before, metric = sides.comparable, headline(sides.now)
    if before is None or metric is None or metric not in before.metrics:
        return Html("")
    ours, theirs = sides.now.values(sides.now.main, metric), before.values(before.main, metric)
    moved = sorted(ours[one] - theirs[one] for one in common(sides.now, before, metric))
    if not moved:
        return Html("")
    fell, rose = sum(one < 0 for one in moved), sum(one > 0 for one in moved)
    label = (
        f"{metric} against {sides.incumbent_title}, a bar for each of {counted(len(moved), 'question')}: "
        f"{fell} fell, {rose} rose, {len(moved) - fell - rose} stayed"
    )
    return difference_bars(moved, label)


def _said(sides: Sides, found: Sequence[Difference]) -> Html:
    count = counted(len(found), "question")
    if sides.comparable is not None:
        known = {one.question: one.fingerprint for one in sides.comparable.asked}
        both = sum(known.get(one.question) == one.fingerprint for one in sides.now.asked)
        said = f"{len(found)} of {counted(both, 'question')} that both were asked differ in anything, worst first."
    elif found:
        said = f"{count} of {len(sides.now.asked)} with something to look at, worst first."
    else:
        said = "Nothing to look at."
    if len(found) > MOST:
        which = "that changed most" if sides.comparable is not None else "worst"
        said += f" The {MOST} {which} come with passages."
    return wrap("p", name(said), "note")


def _sides(
    sides: Sides, contents: Contents, now: Answered | None, before: Answered | None
) -> tuple[Side | None, Side | None]:
    ours = Side(f"version {sides.version}", now, contents.texts) if now is not None else None
    theirs = Side(sides.incumbent_title, before, contents.texts_before) if before is not None else None
    return ours, theirs


def _question(
    sides: Sides,
    one: Difference,
    number: int,
    asked: Asked,
    contents: Contents,
    beside: tuple[Side | None, Side | None],
    budget: Budget,
) -> Html:
    question = contents.questions.get(one.question)
    said = question.question if question is not None else ""
    summary = (
        f'<span class="id">{name(one.question)}</span>'
        f'<span class="said" dir="auto">{prose(_cut(said, _SHORT))}</span>'
        f'<span class="moved">{_moved(sides, one)}</span><span class="how">{_how(one)}</span>'
    )
    facts = [asked.kind, *asked.tags]
    if question is not None:
        facts.insert(0, f"asked by {question.principal}")
    parts = []
    if len(said) > _SHORT:
        parts.append(Html(f'<p class="text" dir="auto">{prose(_cut(said, _LONG))}</p>'))
    parts.append(wrap("p", name(", ".join(facts)), "note"))
    parts.append(_values(one))
    now, before = beside
    if question is not None and question.expected:
        parts.append(_places(sides, question, now, before))
    if now is not None:
        parts.append(passages(question, now, before, budget))
    return Html(
        f'<details class="question" id="question-{number}"><summary>{summary}</summary>'
        f'<div class="inside">{join(parts)}</div></details>'
    )


def _moved(sides: Sides, one: Difference) -> Html:
    """The headline metric before and now."""
    metric = headline(sides.now)
    if metric is None or metric not in one.now:
        return Html("")
    value = one.now[metric]
    if metric not in one.before:
        return Html(f"{value:.3f}")
    moved = signed(value - one.before[metric])[0]
    if moved not in _TONES:
        return Html(f"{one.before[metric]:.3f} → {value:.3f}")
    return Html(f'{one.before[metric]:.3f} → <b class="{_TONES[moved]}">{value:.3f}</b>')


def _how(one: Difference) -> Html:
    alarms = wrap("b", name("; ".join(one.alarms)), "worse")
    how = name("; ".join(one.how))
    return join([part for part, there in ((alarms, one.alarms), (how, one.how)) if there], "; ")


def _values(one: Difference) -> Html:
    """Every metric of the question, those that moved in full ink."""
    cells = []
    for metric, value in one.now.items():
        if metric not in one.before:
            cells.append(Html(f"<div><dt>{name(metric)}</dt><dd>{value:.3f}</dd></div>"))
            continue
        moved = signed(value - one.before[metric])
        tone = _TONES.get(moved[0], "still")
        cells.append(
            Html(
                f'<div class="{tone}"><dt>{name(metric)}</dt>'
                f"<dd>{one.before[metric]:.3f} → {value:.3f} <small>{moved}</small></dd></div>"
            )
        )
    return Html(f'<dl class="values">{join(cells)}</dl>') if cells else Html("")


def _places(sides: Sides, question: Question, now: Side | None, before: Side | None) -> Html:
    wanted = places(question, now.answer if now else None, before.answer if before else None)
    is_forbidden = question.kind == "forbidden"
    columns = [Column("must not come back" if is_forbidden else "expected"), Column("grade", "n")]
    columns += [Column(f"place, {sides.incumbent_title}", "n")] if before is not None else []
    columns += [Column(f"place, version {sides.version}", "n")] if now is not None else []
    rows = []
    for document, grade, place_before, place_now in wanted[:20]:
        cells = [name(document), Html(str(grade))]
        cells += [Html(place_before)] if before is not None else []
        cells += [Html(place_now)] if now is not None else []
        rows.append(cells)
    return table("Documents named by the question, and their place among the passages", columns, [Rows(rows)])


def _rest(sides: Sides, contents: Contents, rest: Sequence[Difference]) -> Html:
    if not rest:
        return Html("")
    metric = headline(sides.now) or ""
    columns = [Column("id"), Column("question"), Column(metric, "n"), Column("what")]
    rows = []
    for one in rest[:_MOST_ROWS]:
        question = contents.questions.get(one.question)
        said = prose(_cut(question.question, _SHORT)) if question is not None else Html("")
        rows.append(
            [name(one.question), Html(f'<span dir="auto">{said}</span>'), _moved(sides, one), _how(one)]
        )
    more = len(rest) - _MOST_ROWS
    end = wrap("p", Html(f"And {more} more."), "note") if more > 0 else Html("")
    title = f"The other {counted(len(rest), 'question')}"
    told = table("Without their passages", columns, [Rows(rows)])
    return folded(title, join([told, end]))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
