"""The page of an evaluation, written beside the state, for whoever may read all that it quotes."""

from __future__ import annotations

from pathlib import Path

from evals.judges.calibration import why_no_vote
from evals.measurement import Measurement
from evals.passages import PassageTexts
from evals.reports import Groundedness, JudgeNote, evaluation_page
from flows.judging import calibration_of, judge_of
from flows.project import Project
from rag.catalog import access_epoch, utcnow
from rag.composition import reports_folder
from rag.maintenance.reports import keep_latest, report_name, write_report


def write_page(
    project: Project,
    version: int,
    measurement: Measurement,
    *,
    incumbent: tuple[int, Measurement] | None,
    groundedness: Groundedness | None,
) -> Path | None:
    """Writes the page and returns where it lies; None where access changed meanwhile, so that none is left."""
    folder = reports_folder(project.settings)
    with project.catalog.connect() as connection:
        before = access_epoch(connection)
    gate, now = project.settings.gate, utcnow()
    page = evaluation_page(
        measurement,
        version=version,
        incumbent=incumbent[1] if incumbent else None,
        incumbent_version=incumbent[0] if incumbent else None,
        texts=PassageTexts(project.catalog, version),
        incumbent_texts=PassageTexts(project.catalog, incumbent[0]) if incumbent else None,
        questions={question.id: question for question in project.golden.questions},
        judge=_judge(project) if measurement.answers else None,
        groundedness=groundedness,
        resamples=gate.resamples,
        confidence=gate.confidence,
        seed=gate.seed,
        made_at=now,
    )
    written = write_report(folder, report_name(version, now), page)
    keep_latest(folder)
    with project.catalog.connect() as connection:
        if access_epoch(connection) == before:
            return written
    written.unlink(missing_ok=True)  # what was purged after its text was read must not stay in it
    return None


def _judge(project: Project) -> JudgeNote:
    judge = judge_of(project)
    found = calibration_of(project, judge)
    floor = project.settings.evaluation.judge.floor
    return JudgeNote(judge.name, found, why_no_vote(found, judge.fingerprint, floor))
