"""A measurement as Markdown, for the orchestrator's artifacts and for pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from evals.golden import KINDS
from evals.measurement import Measurement
from evals.reports.differences import HEADLINE, differences, headline, most_changed, signed
from evals.reports.escaping import escape
from evals.reports.page_sides import Sides
from evals.statistics import CONFIDENCE, RESAMPLES, SEED
from evals.wording import counted

SHOWN = 20  # rows of a table of troubles; the measurement itself has them all
WORST_BY = HEADLINE
_NONE = "—"


def evaluation_markdown(
    measurement: Measurement,
    *,
    version: int,
    worst: int = 10,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
    incumbent: Measurement | None = None,
    incumbent_version: int | None = None,
) -> str:
    """Scores of all systems with intervals, differences from the incumbent, leaks, failures, and the ``worst``
    questions: by nDCG@10, and those that changed most against the incumbent.

    Names questions, documents and principals by id alone, never by their text.
    """
    sides = Sides(measurement, version, incumbent, incumbent_version, resamples, confidence, seed)
    kinds = [one.kind for one in measurement.asked]
    by_kind = ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS)
    troubles = (
        f"{counted(len(measurement.leaks), 'leak')}, {counted(len(measurement.failed), 'failed question')}"
    )
    parts = [
        f"# Evaluation of version {version}",
        f"{counted(len(kinds), 'question')}: {by_kind}. {troubles}.",
        "## Scores",
        _scores(sides),
        *_compared(sides, worst),
        "## Leaks",
        _rows(
            ("question", "principal", "document", "from"),
            [
                (one.question, one.principal, one.document, ", ".join(one.systems))
                for one in measurement.leaks
            ],
        ),
        "## Failures",
        _rows(
            ("question", "what", "error", "message"),
            [(one.question, one.system, one.error, one.message) for one in measurement.failures],
        ),
        "## Worst questions",
        _worst(measurement, worst),
        f"Golden set `{escape(measurement.fingerprints['golden'][:12])}`, "
        f"evaluator `{escape(measurement.fingerprints['evaluator'][:12])}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _scores(sides: Sides) -> str:
    """A row for each metric: it may be of every system, or of the main one alone, and of fewer questions."""
    measurement = sides.now
    if not measurement.metrics:
        return "Nothing was measured: no question is answerable."
    found = {
        system: measurement.summary(system, sides.resamples, sides.confidence, sides.seed)
        for system in measurement.systems
    }
    titles = [f"{system} (main)" if system == measurement.main else system for system in found]
    rows = [
        (
            metric,
            str(len(measurement.contents(metric))),
            *(
                f"{one[metric].mean:.3f} ({one[metric].low:.3f} to {one[metric].high:.3f})"
                if metric in one
                else _NONE
                for one in found.values()
            ),
        )
        for metric in measurement.metrics
    ]
    note = f"Means over n questions, with {sides.confidence * 100:g} % intervals."
    return f"{_rows(('metric', 'n', *titles), rows)}\n\n{note}"


def _compared(sides: Sides, most: int) -> list[str]:
    """What moved against the incumbent, and which questions; nothing without one."""
    measurement, name = sides.now, sides.incumbent_title
    if sides.before is None:
        return []
    title = f"## Against {name}"
    if sides.comparable is None:
        return [title, "Another evaluator measured it, so that nothing is compared."]
    rows = []
    for metric in measurement.metrics:
        compared = sides.compare(measurement.main, metric)
        if compared is not None:
            found = compared.difference
            moved = f"{signed(found.mean)} ({signed(found.low)} to {signed(found.high)})"
            rows.append(
                (metric, str(found.n), f"{compared.before.mean:.3f}", moved, _said(found.low, found.high))
            )
    if not rows:
        return [title, "They have no question in common."]
    by = headline(measurement) or HEADLINE
    changed = most_changed(differences(measurement, sides.comparable), most)
    lines = [
        (
            one.question,
            f"{one.before[by]:.3f}" if by in one.before else _NONE,
            f"{one.now[by]:.3f}" if by in one.now else _NONE,
            "; ".join((*one.alarms, *one.how)),
        )
        for one in changed
    ]
    return [
        title,
        _rows(("metric", "n", "was", "difference", ""), rows),
        "## Changed most",
        _rows(("question", f"{by} was", f"{by} is", "what"), lines),
    ]


def _said(low: float, high: float) -> str:
    return "worse" if high < 0 else "better" if low > 0 else ""


def _worst(measurement: Measurement, worst: int) -> str:
    if WORST_BY not in measurement.metrics:
        return "None."
    by_system = {system: measurement.values(system, WORST_BY) for system in measurement.systems}
    main = by_system[measurement.main]
    ids = sorted((one for one in main if main[one] < 1), key=lambda one: main[one])[:worst]
    rows = [(one, *(f"{values[one]:.3f}" for values in by_system.values())) for one in ids]
    return _rows(("question", *(f"{WORST_BY} {system}" for system in by_system)), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of escaped cells: ``SHOWN`` rows at most and a count of the rest; or ``None.``"""
    if not rows:
        return "None."
    lines = [head, ["---"] * len(head)]
    text = [f"| {' | '.join(escape(cell) for cell in line)} |" for line in (*lines, *rows[:SHOWN])]
    rest = len(rows) - SHOWN
    return "\n".join(text) + (f"\n\nand {rest} more." if rest > 0 else "")
