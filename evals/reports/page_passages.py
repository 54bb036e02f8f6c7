"""The passages of a question side by side: the incumbent's left, the candidate's right."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from evals.golden import Question
from evals.measurement import Answered
from evals.reports.page_markup import Html, join, name, prose, wrap

Texts = Callable[[str, int, int], str | None]
"""``texts(document, start, end)``: those characters of a document's text, or None where they are gone."""
Span = tuple[str, int, int]
Shown = Literal["whole", "folded", "excerpt"]
_Key = tuple[str, object]

_MOST = 12  # passages a side
_LONGEST = 2000  # characters of a passage
_EXCERPT = 120  # characters of one that stands in full on the other side
_LEFT_OUT = Html("Left out: the page would become too large.")


@dataclass(slots=True)
class Budget:
    """How many bytes of passages the page still takes: whoever comes last gets names alone."""

    left: int = 1_200_000

    def take(self, text: Html) -> Html | None:
        """``text``, or None where it is too much."""
        size = len(text.encode())
        if size > self.left:
            return None
        self.left -= size
        return text


@dataclass(frozen=True, slots=True)
class Side:
    """What an answer of one version was made from, with the texts as that version has them."""

    title: str
    answer: Answered
    texts: Texts


@dataclass(frozen=True, slots=True)
class _Passage:
    span: Span
    text: str | None
    cited: bool

    @property
    def key(self) -> _Key:
        """What makes it the same passage, wherever in its document it stands now."""
        return self.span[0], self.span[1:] if self.text is None else self.text


@dataclass(frozen=True, slots=True)
class _Look:
    """What a passage is held against."""

    question: Question | None
    evidence: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)


def passages(question: Question | None, now: Side, before: Side | None, budget: Budget) -> Html:
    """Both sides, or the candidate's alone; those that are the same on both are grey and folded."""
    look = _Look(question, _evidence(question, now.texts))
    ours, theirs = _read(now), _read(before) if before is not None else []
    shared = {one.key for one in ours} & {one.key for one in theirs}
    right = _side(now, ours, shared, look, budget, "folded")
    if before is None:
        return Html(f'<div class="sides one">{right}</div>')
    left = _side(before, theirs, shared, look, budget, "excerpt")
    return Html(f'<div class="sides">{left}{right}</div>')


def places(
    question: Question, now: Answered | None, before: Answered | None
) -> list[tuple[str, int, str, str]]:
    """Of each expected document its grade, and where it first stands in the passages before and now."""

    def place(document: str, answer: Answered | None) -> str:
        found = [one[0] for one in answer.passages] if answer is not None else []
        return str(found.index(document) + 1) if document in found else "—"

    graded = sorted(question.expected.items(), key=lambda one: -one[1])
    return [(document, grade, place(document, before), place(document, now)) for document, grade in graded]


def _read(side: Side) -> list[_Passage]:
    return [
        _Passage(span, side.texts(*span), number in side.answer.cited)
        for number, span in enumerate(side.answer.passages, start=1)
    ]


def _side(
    side: Side, found: Sequence[_Passage], shared: Set[_Key], look: _Look, budget: Budget, shown: Shown
) -> Html:
    """``shown``: how those are that stand on both sides."""
    lines = [
        _passage(one, look, budget, shown if one.key in shared else "whole", is_shared=one.key in shared)
        for one in found[:_MOST]
    ]
    listed = Html(f"<ol>{join(lines)}</ol>") if lines else wrap("p", Html("No passage."), "note")
    rest = len(found) - _MOST
    more = wrap("p", Html(f"And {rest} more."), "note") if rest > 0 else Html("")
    state = "refused" if side.answer.refused else f"answered, citing {_numbers(side.answer.cited)}"
    head = join([name(side.title), Html(f" <small>{state}</small>")])
    return Html(f'<div class="side"><h3>{head}</h3>{listed}{more}</div>')


def _numbers(cited: Sequence[int]) -> str:
    return ", ".join(str(one) for one in cited) or "none"


def _passage(one: _Passage, look: _Look, budget: Budget, shown: Shown, *, is_shared: bool) -> Html:
    document, start, end = one.span
    marks = [Html(f"<small>{start}–{end}</small>")]
    grade = look.question.expected.get(document) if look.question is not None else None
    if grade is not None and look.question is not None:
        marks.append(_grade(look.question, grade))
    if one.cited:
        marks.append(Html('<b class="cited">cited</b>'))
    if is_shared:
        marks.append(Html("<small>on both sides</small>"))
    classes = " ".join(word for word, holds in (("same", is_shared), ("used", one.cited)) if holds)
    head = Html(f'<p class="source"><bdi>{name(document)}</bdi> {join(marks, " ")}</p>')
    return Html(f'<li class="{classes}">{head}{_text(one, look, budget, shown)}</li>')


def _grade(question: Question, grade: int) -> Html:
    if question.kind == "forbidden":
        return Html('<b class="worse">must not come back</b>')
    return Html(f'<b class="grade">expected, grade {grade}</b>' if grade > 0 else "<small>grade 0</small>")


def _text(one: _Passage, look: _Look, budget: Budget, shown: Shown) -> Html:
    if one.text is None:
        return wrap("p", Html("The text is no longer there."), "note")
    line = " ".join(one.text[: 2 * _EXCERPT].split())[:_EXCERPT]
    excerpt = Html(f'<span dir="auto">{prose(line)}…</span>')
    if shown == "excerpt" and len(one.text) > _EXCERPT:
        return wrap("p", budget.take(excerpt) or _LEFT_OUT, "text")
    lead = len(one.text) - len(one.text.lstrip())
    text = one.text[lead : lead + _LONGEST].rstrip()
    rest = len(one.text.rstrip()) - lead - len(text)
    markup = budget.take(_marked(text, [(low - lead, high - lead) for low, high in _hits(one, look)]))
    if markup is None:
        return wrap("p", _LEFT_OUT, "note")
    cut = f"… <small>{rest} more characters</small>" if rest > 0 else ""
    whole = Html(f'<p class="text" dir="auto">{markup}{cut}</p>')
    if shown == "whole" or len(one.text) <= _EXCERPT:
        return whole
    return Html(f'<details class="fold"><summary class="text">{excerpt}</summary>{whole}</details>')


def _evidence(question: Question | None, texts: Texts) -> dict[str, list[tuple[int, int, str]]]:
    """By document, the characters that answer the question, with their text."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for document, spans in question.evidence.items() if question is not None else ():
        for start, end in spans:
            if (text := texts(document, start, end)) is not None:
                found.setdefault(document, []).append((start, end, text))
    return found


def _hits(one: _Passage, look: _Look) -> list[tuple[int, int]]:
    """Where evidence lies in the passage, from its first character: only where the very characters stand there, as
    an older text of the document has others at these places."""
    document, start, end = one.span
    hits = []
    for first, last, text in look.evidence.get(document, ()):
        low, high = max(start, first), min(end, last)
        if (
            low < high
            and one.text is not None
            and one.text[low - start : high - start] == text[low - first : high - first]
        ):
            hits.append((low - start, high - start))
    return sorted(hits)


def _marked(text: str, hits: Sequence[tuple[int, int]]) -> Html:
    parts, done = [], 0
    for low, high in hits:
        low, high = max(low, done), min(high, len(text))
        if low < high:
            parts += [prose(text[done:low]), Html(f"<mark>{prose(text[low:high])}</mark>")]
            done = high
    return join([*parts, prose(text[done:])])
