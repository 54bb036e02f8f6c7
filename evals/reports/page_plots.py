"""Drawings as inline SVG. Their colours are the page's, by class; each says nothing that is not in a number too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evals.judges.agreement import Bin
from evals.reports.page_markup import Html, join, name
from evals.statistics import Interval

_WIDE, _HIGH = 150, 20
_PAD = 5


def whisker(now: Interval, before: Interval | None, low: float = 0.0, high: float = 1.0) -> Html:
    """A mean and its interval on a scale from ``low`` to ``high``, the incumbent's fainter below it."""

    def place(value: float) -> float:
        return _PAD + (_WIDE - 2 * _PAD) * (value - low) / (high - low)

    marks = [_tick(place(low + (high - low) * part)) for part in (0, 0.25, 0.5, 0.75, 1)]
    if before is not None:
        marks.append(_dot(before, place, 14, "old"))
    marks.append(_dot(now, place, 10 if before is None else 6, "new"))
    return _small(marks)


def difference_whisker(found: Interval, reach: float) -> Html:
    """A difference and its interval on a scale from ``-reach`` to ``reach``, with a line at no difference."""

    def place(value: float) -> float:
        part = min(1.0, max(-1.0, value / reach)) if reach else 0.0
        return _WIDE / 2 + (_WIDE / 2 - _PAD) * part

    middle = _WIDE / 2
    zero = Html(f'<line class="zero" x1="{middle}" y1="0" x2="{middle}" y2="{_HIGH}"/>')
    return _small([zero, _dot(found, place, 10, tone(found))])


def tone(difference: Interval) -> str:
    """``worse`` or ``better`` where the whole interval says so, else ``level``."""
    return "worse" if difference.high < 0 else "better" if difference.low > 0 else "level"


def difference_bars(values: Sequence[float], label: str) -> Html:
    """A bar for each value from -1 to 1, in the order given, about a line at 0; it stretches to any width."""
    reach = max((abs(value) for value in values), default=0.0) or 1.0
    bars = []
    for number, value in enumerate(values):
        height = 50 * abs(value) / reach
        top = 50 - height if value > 0 else 50.0
        classes = "better" if value > 0 else "worse"
        if height:
            bars.append(
                Html(
                    f'<rect class="{classes}" x="{number + 0.1:g}" y="{top:.2f}" width=".8" height="{height:.2f}"/>'
                )
            )
    width = max(1, len(values))
    line = f'<line class="zero" x1="0" y1="50" x2="{width}" y2="50"/>'
    drawn = (
        f'<svg viewBox="0 0 {width} 100" preserveAspectRatio="none" role="img" aria-label="{name(label)}">'
        f"{line}{join(bars)}</svg>"
    )
    ends = f"<span>+{reach:.2f}</span><span>0</span><span>−{reach:.2f}</span>"
    scale = f'<div class="scale" aria-hidden="true">{ends}</div>'
    return Html(f'<figure class="bars">{scale}{drawn}<figcaption>{name(label)}</figcaption></figure>')


def reliability(curve: Sequence[Bin], label: str) -> Html:
    """Mean score against the share that people called grounded, a dot a bin as large as it has answers; on the
    diagonal a score is what it says."""
    size, left, foot, edge = 250, 44, 34, 8
    most = max((one.n for one in curve), default=1)

    def x(value: float) -> float:
        return left + (size - left - edge) * value

    def y(value: float) -> float:
        return edge + (size - edge - foot) * (1 - value)

    parts = [
        Html(f'<line class="diagonal" x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(1):.1f}" y2="{y(1):.1f}"/>')
    ]
    for value in (0.0, 0.5, 1.0):
        across = f'x1="{x(0):.1f}" y1="{y(value):.1f}" x2="{x(1):.1f}" y2="{y(value):.1f}"'
        up = f'x1="{x(value):.1f}" y1="{y(0):.1f}" x2="{x(value):.1f}" y2="{y(1):.1f}"'
        parts += [
            Html(f'<line class="tick" {across}/><line class="tick" {up}/>'),
            Html(f'<text class="end" x="{x(0) - 5:.1f}" y="{y(value) + 4:.1f}">{value:g}</text>'),
            Html(f'<text class="middle" x="{x(value):.1f}" y="{y(0) + 14:.1f}">{value:g}</text>'),
        ]
    points = " ".join(f"{x(one.mean_score):.1f},{y(one.share_grounded):.1f}" for one in curve)
    parts.append(Html(f'<polyline class="path" points="{points}"/>'))
    parts += [
        Html(
            f'<circle class="new" cx="{x(one.mean_score):.1f}" cy="{y(one.share_grounded):.1f}" '
            f'r="{2.5 + 4.5 * (one.n / most) ** 0.5:.1f}"/>'
        )
        for one in curve
    ]
    parts += [
        Html(f'<text class="middle" x="{x(0.5):.1f}" y="{size - 4}">the judge\'s score</text>'),
        Html(
            f'<text class="middle" transform="translate(10 {y(0.5):.1f}) rotate(-90)">share grounded</text>'
        ),
    ]
    return Html(
        f'<svg class="square" width="{size}" height="{size}" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="{name(label)}">{join(parts)}</svg>'
    )


def _small(marks: Sequence[Html]) -> Html:
    size = f'width="{_WIDE}" height="{_HIGH}" viewBox="0 0 {_WIDE} {_HIGH}"'
    return Html(f'<svg {size} aria-hidden="true">{join(marks)}</svg>')


def _tick(x: float) -> Html:
    return Html(f'<line class="tick" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{_HIGH}"/>')


def _dot(found: Interval, place: Callable[[float], float], y: float, classes: str) -> Html:
    ends = f'x1="{place(found.low):.1f}" y1="{y}" x2="{place(found.high):.1f}" y2="{y}"'
    radius = 2.5 if classes == "old" else 3.5
    return Html(
        f'<line class="span {classes}" {ends}/><circle class="{classes}" cx="{place(found.mean):.1f}" cy="{y}" '
        f'r="{radius}"/>'
    )
