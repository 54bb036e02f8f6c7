"""Whether the answers are grounded, and how far the judge that says so can be believed."""

from __future__ import annotations

from dataclasses import dataclass

from evals.judges.calibration import Calibration
from evals.reports.page_markup import Column, Html, Rows, join, name, section, table, wrap
from evals.reports.page_plots import reliability
from evals.reports.page_sides import Sides, figure
from evals.statistics import Interval
from evals.wording import counted

FAITHFULNESS = "Faithfulness"


@dataclass(frozen=True, slots=True)
class JudgeNote:
    """Who judged the answers: ``why_no_vote`` is the sentence of ``evals.judges.calibration``, None if it votes."""

    name: str
    calibration: Calibration | None
    why_no_vote: str | None


@dataclass(frozen=True, slots=True)
class Groundedness:
    """The share of grounded answers among those given, corrected for the judge's errors by ``labels`` labels."""

    share: Interval
    labels: int


def judge_line(judge: JudgeNote) -> Html:
    """Its name, its AUROC, and whether it may decide."""
    vote = "votes in the gate" if judge.why_no_vote is None else f"does not vote: {judge.why_no_vote}"
    if judge.calibration is None:
        return name(f"{judge.name}; {vote}")
    return join([name(f"{judge.name}, AUROC"), Html(" "), figure(judge.calibration.auroc), name(f"; {vote}")])


def answers(sides: Sides, judge: JudgeNote | None, groundedness: Groundedness | None) -> Html:
    """Groundedness and calibration; empty where no answer was asked for."""
    if not sides.now.answers:
        return Html("")
    parts = [_groundedness(sides, groundedness)]
    if judge is not None and judge.calibration is not None:
        parts.append(_calibration(judge.calibration))
    return section("groundedness", "Groundedness", *parts)


def _groundedness(sides: Sides, found: Groundedness | None) -> Html:
    now = sides.now
    given = {one.question for one in now.answers if not one.refused}
    values = now.values(now.main, FAITHFULNESS) if FAITHFULNESS in now.metrics else {}
    judged = [value for question, value in values.items() if question in given]
    refused = len(now.answers) - len(given)
    counts = name(f"{counted(len(given), 'answer')}, {counted(refused, 'refusal')}.")
    raw = f"The judge gives the answers {sum(judged) / len(judged):.3f} on average." if judged else ""
    if found is None:
        why = "The share of grounded answers is not known: no labels of the project's own correct the judge."
        return wrap("p", join([counts, name(raw), name(why)], " "))
    share = wrap("b", figure(found.share), "figure")
    said = (
        f"of the answers are grounded, with a {sides.confidence * 100:g} % interval, corrected for the judge's "
        f"errors by {counted(found.labels, 'label')}."
    )
    return wrap("p", join([share, name(said), counts, name(raw)], " "))


def _calibration(found: Calibration) -> Html:
    columns = [Column("score"), Column("mean score", "n"), Column("grounded", "n"), Column("answers", "n")]
    rows = [
        [
            Html(f"{one.low:.1f} to {one.high:.1f}"),
            Html(f"{one.mean_score:.3f}"),
            Html(f"{one.share_grounded:.3f}"),
            Html(str(one.n)),
        ]
        for one in found.curve
    ]
    label = f"Reliability of {found.judge} over {counted(found.n, 'label')}: share grounded by score"
    figures = (
        f"Over {counted(found.n, 'labelled answer')}, {found.n_grounded} of them grounded: calibration error "
        f"{found.calibration_error:.3f}, Brier score {found.brier:.3f}, balanced accuracy "
        f"{found.balanced_accuracy:.3f}, kappa {found.kappa:.3f}; {counted(found.failures, 'failure')}."
    )
    told = join(
        [wrap("p", name(figures)), table("The judge's scores against people's labels", columns, [Rows(rows)])]
    )
    return Html(f'<div class="pair">{reliability(found.curve, label)}<div>{told}</div></div>')
