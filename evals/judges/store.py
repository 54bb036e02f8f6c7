"""Calibrations in the catalog."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from evals.judges.calibration import Calibration
from rag.catalog.tables import CalibrationRow


def save(session: Session, calibration: Calibration) -> None:
    """Keeps a calibration; from now on it is the one of its judge."""
    session.add(
        CalibrationRow(
            judge=calibration.judge,
            fingerprint=calibration.judge_fingerprint,
            labels=calibration.labels_fingerprint,
            calibration=calibration.to_dict(),
        )
    )


def latest(session: Session, judge: str, fingerprint: str) -> Calibration | None:
    """The latest calibration of the judge with this fingerprint; else of its name, as it was before; else None."""
    of_name = select(CalibrationRow).where(col(CalibrationRow.judge) == judge)
    row = session.scalar(
        of_name.order_by(
            (col(CalibrationRow.fingerprint) == fingerprint).desc(), col(CalibrationRow.id).desc()
        ).limit(1)
    )
    return Calibration.from_dict(row.calibration) if row is not None else None
