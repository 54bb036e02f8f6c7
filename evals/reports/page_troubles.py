"""What leaked and what failed: first on the page, and red."""

from __future__ import annotations

from evals.measurement import Measurement
from evals.reports.page_markup import Column, Html, Rows, name, section, table, wrap
from evals.wording import counted

_MOST = 200  # rows of either table


def troubles(measurement: Measurement) -> Html:
    """Tables of leaks and of failures; a quiet line where there are none."""
    if not measurement.leaks and not measurement.failures:
        return Html('<p class="quiet">No leak, no failure.</p>')
    parts = []
    if measurement.leaks:
        parts.append(_leaks(measurement))
    if measurement.failures:
        parts.append(_failures(measurement))
    return Html(f'<div class="alarm">{"".join(parts)}</div>')


def _leaks(measurement: Measurement) -> Html:
    leaks = measurement.leaks
    columns = [Column("question"), Column("asked by"), Column("document"), Column("came back from")]
    rows = [
        [name(one.question), name(one.principal), name(one.document), name(", ".join(one.systems))]
        for one in leaks[:_MOST]
    ]
    return section(
        "leaks",
        counted(len(leaks), "leak"),
        table("Documents that came back to somebody who may not have them", columns, [Rows(rows)]),
        _rest(len(leaks)),
    )


def _failures(measurement: Measurement) -> Html:
    failures = measurement.failures
    columns = [Column("question"), Column("what failed"), Column("error"), Column("message")]
    rows = [
        [name(one.question), name(one.system), name(one.error), name(one.message)] for one in failures[:_MOST]
    ]
    return section(
        "failures",
        counted(len(measurement.failed), "failed question"),
        table(
            "Searches, answers and judgements that failed: they count as the worst value",
            columns,
            [Rows(rows)],
        ),
        _rest(len(failures)),
    )


def _rest(count: int) -> Html:
    return wrap("p", Html(f"And {count - _MOST} more.")) if count > _MOST else Html("")
