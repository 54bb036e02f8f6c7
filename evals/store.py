"""Measurements in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, insert, select
from sqlmodel import Session, col

from evals.measurement import Measurement
from evals.metrics import METRICS
from rag.catalog.tables import Evaluation, Release, Score, Version


def save(
    session: Session,
    version: int,
    measurement: Measurement,
    *,
    retrieval: str,
    answering: str = "",
    access_epoch: int = 0,
) -> int:
    """Stores a measurement of ``version`` as it is, under these retrieval and answering settings (digests); its id.

    ``access_epoch`` is the one at which the questions were asked.
    """
    whole = measurement.to_dict()
    scores = whole.pop("scores")
    assert isinstance(scores, list)
    row = Evaluation(
        version=version,
        golden=measurement.fingerprints["golden"],
        evaluator=measurement.fingerprints["evaluator"],
        retrieval=retrieval,
        answering=answering,
        corpus=session.get_one(Version, version).corpus or "",
        access_epoch=access_epoch,
        measurement=whole,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    if scores:
        session.execute(insert(Score), [{"evaluation_id": row.id, **score} for score in scores])
    return row.id


def find(session: Session, version: int, **fingerprints: str | int) -> Evaluation | None:
    """The latest evaluation of ``version`` with these fingerprints: any of golden, evaluator, retrieval, answering,
    corpus and access_epoch."""
    return session.scalar(_matching(version, fingerprints).order_by(col(Evaluation.id).desc()).limit(1))


def earliest(session: Session, version: int, **fingerprints: str | int) -> Evaluation | None:
    """The first of those that ``find`` would find."""
    return session.scalar(_matching(version, fingerprints).order_by(col(Evaluation.id)).limit(1))


def _matching(version: int, fingerprints: Mapping[str, str | int]) -> Select[tuple[Evaluation]]:
    wanted = [getattr(Evaluation, name) == value for name, value in fingerprints.items()]
    return select(Evaluation).where(col(Evaluation.version) == version, *wanted)


def latest_two(session: Session, *, golden: str) -> list[Evaluation]:
    """The latest evaluation on this golden set, and the latest of another version by the same evaluator: of
    versions that were promoted, where there are such. Fewer where there are none."""
    was_promoted = col(Evaluation.version).in_(select(col(Release.version)))
    of_set = (
        select(Evaluation)
        .where(col(Evaluation.golden) == golden)
        .order_by(was_promoted.desc(), col(Evaluation.id).desc())
        .limit(1)
    )
    first = session.scalar(of_set)
    if first is None:
        return []
    other = session.scalar(
        of_set.where(col(Evaluation.version) != first.version, col(Evaluation.evaluator) == first.evaluator)
    )
    return [first] if other is None else [first, other]


def load(session: Session, evaluation: Evaluation) -> Measurement:
    """The measurement of a stored evaluation, with its scores in the order measured: intervals depend on it."""
    rows = session.scalars(select(Score).where(col(Score.evaluation_id) == evaluation.id)).all()
    systems = list(evaluation.measurement["systems"])
    metrics = [*METRICS, *sorted({row.metric for row in rows} - METRICS.keys())]
    asked = [one["question"] for one in evaluation.measurement["asked"]]
    place = {name: number for number, name in enumerate((*systems, *metrics))}
    of_question = {id: number for number, id in enumerate(asked)}
    rows = sorted(rows, key=lambda row: (place[row.system], place[row.metric], of_question[row.question]))
    scores: list[Mapping[str, Any]] = [
        {
            "question": row.question,
            "system": row.system,
            "metric": row.metric,
            "value": row.value,
            "failed": row.failed,
        }
        for row in rows
    ]
    return Measurement.from_dict({**evaluation.measurement, "scores": scores})
