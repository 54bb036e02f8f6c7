"""An evaluation as one page of HTML: no script, nothing from elsewhere, readable from the file alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files

from evals.golden import KINDS, Question
from evals.measurement import Measurement
from evals.reports.differences import headline
from evals.reports.page_judge import Groundedness, JudgeNote, answers, judge_line
from evals.reports.page_markup import Html, join, name, wrap
from evals.reports.page_passages import Texts
from evals.reports.page_questions import Contents, changes
from evals.reports.page_scores import scores, slices
from evals.reports.page_sides import Sides, change, figure, verdict
from evals.reports.page_troubles import troubles
from evals.statistics import CONFIDENCE, RESAMPLES, SEED
from evals.wording import counted
from rag.answering.port import Usage

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def evaluation_page(
    measurement: Measurement,
    *,
    version: int,
    incumbent: Measurement | None = None,
    incumbent_version: int | None = None,
    texts: Texts,
    incumbent_texts: Texts | None = None,
    questions: Mapping[str, Question],
    judge: JudgeNote | None = None,
    groundedness: Groundedness | None = None,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
    made_at: datetime,
) -> str:
    """The whole file. It quotes documents: it may be shown only to whoever may read all of them.

    ``texts(document, start, end)`` gives the characters of a document as this version has them, or None where they
    are gone; ``incumbent_texts`` as the incumbent has them, where that differs. ``questions`` are by id; one that
    is missing is shown by its id alone. Nothing is compared with an incumbent that another evaluator measured, and
    no question that was changed since. About 2 MB at most: at most 50 questions come with passages, and passages
    past 1.2 MB are named without their text. Raises ``EvaluationError`` for arguments that give no interval.
    """
    sides = Sides(measurement, version, incumbent, incumbent_version, resamples, confidence, seed)
    contents = Contents(questions, texts, incumbent_texts or texts)
    title = f"Evaluation of version {version}"
    body = join(
        [
            Html(f"<header><h1>{title}</h1>{_strip(sides, groundedness)}</header><main>"),
            troubles(measurement),
            _facts(sides, judge, made_at),
            scores(sides),
            slices(sides),
            answers(sides, judge, groundedness),
            changes(sides, contents),
            Html("</main>"),
        ]
    )
    style = files("evals.reports").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{title}</title><style>\n{style}</style></head>\n<body>{body}</body></html>\n"
    )


def _strip(sides: Sides, groundedness: Groundedness | None) -> Html:
    """The few figures that say most."""
    now, metric = sides.now, headline(sides.now)
    cells = []
    if metric is not None:
        cells.append((metric, figure(sides.mean(now.values(now.main, metric).values()))))
        compared = sides.compare(now.main, metric)
        if compared is not None:
            difference = compared.difference
            cells.append(
                (f"against {sides.incumbent_title}", join([change(difference), verdict(difference)], " "))
            )
    if groundedness is not None:
        cells.append(("grounded", figure(groundedness.share)))
    for count, noun in ((len(now.leaks), "leak"), (len(now.failed), "failed question")):
        cells.append(
            (counted(count, noun).partition(" ")[2], wrap("b", Html(str(count)), "worse" if count else ""))
        )
    told = [Html(f"<div><dt>{name(title)}</dt><dd>{value}</dd></div>") for title, value in cells]
    return Html(f'<dl class="strip">{join(told)}</dl>')


def _facts(sides: Sides, judge: JudgeNote | None, made_at: datetime) -> Html:
    """What was measured, with what, and when."""
    now = sides.now
    kinds = [one.kind for one in now.asked]
    by_kind = ", ".join(f"{kinds.count(kind)} {kind}" for kind in KINDS)
    prints = now.fingerprints
    facts = [
        (
            "version",
            name(f"{sides.version}, searched by {now.main}, beside {', '.join(_others(now)) or 'nothing'}"),
        ),
        (
            "golden set",
            join(
                [name(f"{counted(len(kinds), 'question')}: {by_kind};"), Html(" "), _print(prints["golden"])]
            ),
        ),
        ("evaluator", _print(prints["evaluator"])),
    ]
    if judge is not None and now.answers:
        facts.append(("judge", judge_line(judge)))
    if sides.before is None:
        facts.append(("incumbent", Html("none")))
    else:
        same = sides.before.fingerprints["golden"] == prints["golden"]
        of = "same golden set" if same else "another state of the golden set"
        facts.append(("incumbent", name(f"{sides.incumbent_title}, {of}")))
    if now.spent.calls:
        facts.append(("models", name(_spent(now.spent))))
    facts.append(("made", name(f"{made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")))
    told = [Html(f"<div><dt>{title}</dt><dd>{value}</dd></div>") for title, value in facts]
    return Html(f'<dl class="facts">{join(told)}</dl>')


def _others(measurement: Measurement) -> list[str]:
    return [one for one in measurement.systems if one != measurement.main]


def _print(fingerprint: str) -> Html:
    return wrap("code", name(fingerprint[:12]))


def _spent(spent: Usage) -> str:
    tokens = spent.prompt_tokens + spent.completion_tokens
    return f"{spent.calls:,} calls, {tokens:,} tokens" + (f", cost {spent.cost:,.2f}" if spent.cost else "")
