"""What ``status`` and ``freshness`` say; read from the catalog, without Prefect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from rag.catalog import utcnow
from rag.catalog.tables import Document, DocumentState, Erasure, Source, Version, VersionState
from rag.composition import open_catalog
from rag.ingestion import is_writing
from rag.releases import promoted
from rag.settings import Settings


def freshness_of(settings: Settings) -> list[dict[str, Any]]:
    """One entry a source: how old the listing is that the promoted version is complete against.

    ``lag_seconds`` is null, and the source not fresh, while nothing of it was ever promoted. A source without a
    limit is fresh as soon as it has a lag.
    """
    catalog = open_catalog(settings, migrate=False)
    try:
        with catalog.read() as session:
            return _freshness(session, settings)
    finally:
        catalog.close()


def status_of(settings: Settings) -> dict[str, Any]:
    """What is promoted, what waits, every version, every source, and what is kept out and why."""
    catalog = open_catalog(settings, migrate=False)
    try:
        with catalog.read() as session:
            current = promoted(session)
            versions = session.scalars(select(Version).order_by(col(Version.number))).all()
            waiting = [version for version in versions if version.state == VersionState.CANDIDATE]
            return {
                "project": settings.project,
                "promoted": {
                    "version": current.version,
                    "release": current.release,
                    "promoted_at": current.promoted_at.isoformat(),
                    "documents": current.documents,
                    "chunks": current.chunks,
                }
                if current
                else None,
                "candidate": _candidate(waiting[-1]) if waiting else None,
                "writing": is_writing(settings.state, catalog),
                "versions": [
                    {
                        "version": version.number,
                        "state": str(version.state),
                        "documents": version.documents,
                        "chunks": version.chunks,
                        "sealed_at": version.sealed_at.isoformat() if version.sealed_at else None,
                        "swept_at": version.swept_at.isoformat() if version.swept_at else None,
                    }
                    for version in versions
                ],
                "sources": _sources(session, settings),
                "quarantined": _quarantined(session),
                "erasing": session.scalar(select(func.count()).select_from(Erasure)) or 0,
            }
    finally:
        catalog.close()


def _candidate(version: Version) -> dict[str, Any]:
    assert version.sealed_at is not None
    return {
        "version": version.number,
        "release": None,
        "sealed_at": version.sealed_at.isoformat(),
        "documents": version.documents,
        "chunks": version.chunks,
    }


def _sources(session: Session, settings: Settings) -> list[dict[str, Any]]:
    rows = {row.name: row for row in session.scalars(select(Source))}
    counts: dict[str, dict[str, int]] = {}
    for source, state, number in session.execute(
        select(col(Document.source), col(Document.state), func.count()).group_by(
            col(Document.source), col(Document.state)
        )
    ):
        counts.setdefault(source, {})[str(state)] = number
    return [
        {
            **fresh,
            "documents": counts.get(fresh["name"], {}),
            "incident": rows[fresh["name"]].incident if fresh["name"] in rows else None,
        }
        for fresh in _freshness(session, settings)
    ]


def _freshness(session: Session, settings: Settings) -> list[dict[str, Any]]:
    current = promoted(session)
    now = utcnow()
    found = []
    for source in settings.sources:
        listed = current.listings.get(source.name) if current else None
        lag = (now - datetime.fromisoformat(listed)).total_seconds() if listed else None
        limit = source.freshness.max_lag.total_seconds() if source.freshness.max_lag else None
        found.append(
            {
                "name": source.name,
                "lag_seconds": lag,
                "limit_seconds": limit,
                "fresh": lag is not None and (limit is None or lag <= limit),
            }
        )
    return found


def _quarantined(session: Session) -> list[dict[str, str]]:
    rows = session.execute(
        select(col(Document.key), col(Document.reason))
        .where(col(Document.state) == DocumentState.QUARANTINED)
        .order_by(col(Document.key))
    )
    return [{"document": key, "reason": reason or ""} for key, reason in rows]
