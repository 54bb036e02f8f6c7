"""The scores of every system and metric, and slices of the headline metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evals.metrics import METRICS
from evals.metrics.definition import Of
from evals.reports.differences import Compared, headline
from evals.reports.page_markup import Column, Html, Rows, folded, join, name, section, table, wrap
from evals.reports.page_plots import difference_whisker, whisker
from evals.reports.page_sides import Sides, change, figure, verdict
from evals.statistics import Interval

LEAST = 5
"""A tag with fewer questions is no slice."""
_MOST_SLICES = 40
_LEAST_REACH = 0.05  # a scale of differences is never narrower: noise must not look like much
_NONE = Html("—")
_EMPTY = Html("")
_GROUPS: dict[Of, str] = {
    "ranking": "Ranking: documents found",
    "passages": "Passages: what an answer is made from",
    "answer": "Answers",
}

Line = tuple[Html, Interval, Compared | None]


def scores(sides: Sides) -> Html:
    """What the application would get by every metric, and the systems beside it."""
    now = sides.now
    if not now.metrics:
        return section(
            "scores", "Scores", wrap("p", Html("Nothing was measured: no question is answerable."))
        )
    mine = [(_GROUPS[of], [_line(sides, now.main, one) for one in _of(now.metrics, of)]) for of in _GROUPS]
    parts = [
        _note(sides),
        _table(sides, "metric", f"{now.main}: what the application gets", mine),
    ]
    others = [
        (metric, [_line(sides, one, metric, system=True) for one in now.systems if one != now.main])
        for metric in _of(now.metrics, "ranking")
    ]
    if any(lines for _, lines in others):
        told = _table(sides, "system", "Each system by itself", others)
        parts.append(folded("The other systems", told))
    return section("scores", "Scores", *parts)


def slices(sides: Sides) -> Html:
    """The headline metric by tag; empty where no tag has five questions."""
    now, metric = sides.now, headline(sides.now)
    if metric is None:
        return Html("")
    inside = now.contents(metric)
    counts = Counter(tag for one in inside for tag in set(now.tags[one]))
    tags = sorted((tag for tag, n in counts.items() if n >= LEAST), key=lambda tag: (-counts[tag], tag))
    if not tags:
        return Html("")
    values = now.values(now.main, metric)
    lines = []
    for tag in tags[:_MOST_SLICES]:
        ids = {one for one in inside if tag in now.tags[one]}
        found = sides.mean([values[one] for one in values if one in ids])
        lines.append((name(tag), found, sides.compare(now.main, metric, ids)))
    rest = len(tags) - _MOST_SLICES
    said = [f"And {rest} smaller slices."] if rest > 0 else []
    if any(compared is not None for *_, compared in lines):
        by_chance = round(2 / (1 - sides.confidence))
        said.append(f"Chance alone makes about one slice in {by_chance} look worse, and one better.")
    more = wrap("p", name(" ".join(said)), "note") if said else Html("")
    told = _table(
        sides, "tag", f"{metric} of questions by tag, for tags with at least {LEAST}", [("", lines)]
    )
    return section("slices", "Slices", told, more)


def _of(metrics: Sequence[str], of: Of) -> list[str]:
    return [one for one in metrics if (METRICS[one].of if one in METRICS else "ranking") == of]


def _line(sides: Sides, system_name: str, metric: str, *, system: bool = False) -> Line:
    found = sides.mean(sides.now.values(system_name, metric).values())
    judged = metric in METRICS and METRICS[metric].judged
    title = name(system_name if system else metric)
    return (
        Html(f"{title} <small>judged</small>" if judged else title),
        found,
        sides.compare(system_name, metric),
    )


def _table(sides: Sides, first: str, caption: str, groups: Sequence[tuple[str, Sequence[Line]]]) -> Html:
    columns = [
        Column(first),
        Column("n", "n spare"),
        Column(f"version {sides.version}", "n"),
        Column("0 to 1", "plot"),
    ]
    reach = _reach([line for _, lines in groups for line in lines])
    if sides.comparable is not None:
        columns += [
            Column(sides.incumbent_title, "n spare"),
            Column("difference", "n"),
            Column(f"−{reach:.2f} to +{reach:.2f}", "plot"),
            Column(""),
        ]
    rows = [Rows([_cells(sides, line, reach) for line in lines], title) for title, lines in groups]
    return table(caption, columns, rows)


def _cells(sides: Sides, line: Line, reach: float) -> list[Html]:
    title, found, compared = line
    before = compared.before if compared else None
    cells = [title, Html(str(found.n)), figure(found), whisker(found, before)]
    if sides.comparable is None:
        return cells
    if compared is None:
        return [*cells, _NONE, _NONE, _EMPTY, _EMPTY]
    difference = compared.difference
    over = Html("") if difference.n == found.n else Html(f" <small>over {difference.n}</small>")
    return [
        *cells,
        Html(f"{compared.before.mean:.3f}"),
        join([change(difference), over]),
        difference_whisker(difference, reach),
        verdict(difference),
    ]


def _reach(lines: Sequence[Line]) -> float:
    """What the scale of differences needs, to the next twentieth."""
    ends = [max(abs(one.difference.low), abs(one.difference.high)) for _, _, one in lines if one is not None]
    widest = max([_LEAST_REACH, *ends])
    return min(1.0, -(-round(widest * 20, 6) // 1) / 20)


def _note(sides: Sides) -> Html:
    said = f"Means with {sides.confidence * 100:g} % intervals."
    if sides.comparable is not None:
        said += (
            f" The fainter mark is {sides.incumbent_title}, over the questions that both have; a difference is"
            " called worse or better where its whole interval is."
        )
    elif sides.before is not None:
        said += (
            f" Another evaluator measured {sides.incumbent_title}, so that nothing is compared with it: evaluate"
            " it again."
        )
    return wrap("p", name(said), "note")
