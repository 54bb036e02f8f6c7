"""Measurements in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select
from sqlmodel import Session, col

from evals.measurement import Measurement
from rag.catalog.tables import Evaluation, Score


def save(session: Session, version: int, measurement: Measurement, *, retrieval: str) -> int:
    """Stores a measurement of ``version`` under these retrieval settings (a digest); returns its id."""
    whole = measurement.to_dict()
    scores = whole.pop("scores")
    assert isinstance(scores, list)
    row = Evaluation(
        version=version,
        golden=measurement.fingerprints["golden"],
        evaluator=measurement.fingerprints["evaluator"],
        retrieval=retrieval,
        measurement=whole,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    if scores:
        session.execute(insert(Score), [{"evaluation_id": row.id, **score} for score in scores])
    return row.id


def find(session: Session, version: int, **fingerprints: str) -> Evaluation | None:
    """The latest evaluation of ``version`` with these fingerprints: any of golden, evaluator, retrieval."""
    wanted = [getattr(Evaluation, name) == value for name, value in fingerprints.items()]
    return session.scalar(
        select(Evaluation)
        .where(col(Evaluation.version) == version, *wanted)
        .order_by(col(Evaluation.id).desc())
        .limit(1)
    )


def load(session: Session, evaluation: Evaluation) -> Measurement:
    """The measurement of a stored evaluation."""
    rows = session.scalars(select(Score).where(col(Score.evaluation_id) == evaluation.id)).all()
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
