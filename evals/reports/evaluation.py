"""A measurement as Markdown, for the orchestrator's artifacts and for pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from evals.golden import KINDS
from evals.measurement import Measurement
from evals.reports.escaping import escape
from evals.statistics import CONFIDENCE, RESAMPLES, SEED
from evals.wording import counted

SHOWN = 20  # rows of a table of troubles; the measurement itself has them all
WORST_BY = "nDCG@10"


def evaluation_markdown(
    measurement: Measurement,
    *,
    version: int,
    worst: int = 10,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> str:
    """Scores of all systems with intervals, leaks, failures, and the ``worst`` questions by nDCG@10.

    Names questions, documents and principals by id alone, never by their text.
    """
    kinds = [one.kind for one in measurement.asked]
    by_kind = ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS)
    troubles = (
        f"{counted(len(measurement.leaks), 'leak')}, {counted(len(measurement.failed), 'failed question')}"
    )
    parts = [
        f"# Evaluation of version {version}",
        f"{counted(len(kinds), 'question')}: {by_kind}. {troubles}.",
        "## Scores",
        _scores(measurement, resamples, confidence, seed),
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
            ("question", "system", "error", "message"),
            [(one.question, one.system, one.error, one.message) for one in measurement.failures],
        ),
        "## Worst questions",
        _worst(measurement, worst),
        f"Golden set `{escape(measurement.fingerprints['golden'][:12])}`, "
        f"evaluator `{escape(measurement.fingerprints['evaluator'][:12])}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _scores(measurement: Measurement, resamples: int, confidence: float, seed: int) -> str:
    if not measurement.metrics:
        return "Nothing was measured: no question is answerable."
    rows = []
    for system in measurement.systems:
        found = measurement.summary(system, resamples, confidence, seed)
        cells = [f"{one.mean:.3f} ({one.low:.3f} to {one.high:.3f})" for one in found.values()]
        rows.append((f"{system} (main)" if system == measurement.main else system, *cells))
    count = counted(len(measurement.answerable), "question")
    note = f"Means over {count}, with {confidence * 100:g} % intervals."
    return f"{_rows(('system', *measurement.metrics), rows)}\n\n{note}"


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
