"""The flow ``access-sync``: who may read what, as sources and directories say now, in effect at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from prefect import flow, get_run_logger
from sqlalchemy import select
from sqlmodel import col

from flows import artifacts
from flows.groups import sync_groups
from flows.incidents import IncidentError
from flows.project import Project, breaker_of, defaults_of, opened
from rag.catalog import recorded_run, utcnow
from rag.catalog.tables import Run
from rag.errors import LockgateError, SourceError
from rag.ingestion import AppliedRules, apply_rules
from rag.settings import Source

KIND = "access-sync"


@flow(name=KIND)
def access_sync(config: str = "lockgate.yaml") -> dict[str, Any]:
    """Applies changed rules and memberships to every version, without reading a document or building anything.

    It may run beside an ingest. Documents that are new or gone wait for the next ingest. Returns the summary of
    the contract. Raises ``IncidentError`` at the end if a source or a directory could not be asked.
    """
    with opened(config) as project:
        return sync_access(project)


def sync_access(project: Project) -> dict[str, Any]:
    """``access_sync`` for a project that is open."""
    started = time.monotonic()
    project.check()
    asked_before = _asked_before(project)
    incidents: list[LockgateError] = []
    lags: list[float] = []
    sources: list[dict[str, Any]] = []
    with recorded_run(project.catalog, KIND) as record:
        heard = sync_groups(project)
        incidents += [each.error for each in heard if each.error is not None]
        for source in project.settings.sources:
            try:
                applied = _sync_source(project, source)
            except SourceError as error:
                incidents.append(error)
                sources.append({"name": source.name, "changed": 0, "revoked": 0, "error": str(error)})
                continue
            if applied.held is not None:
                incidents.append(applied.held)
            lags += _lags(applied.narrowed_at, asked_before)
            sources.append(
                {
                    "name": source.name,
                    "changed": applied.changed,
                    "revoked": len(applied.narrowed_at),
                    "error": str(applied.held) if applied.held is not None else None,
                }
            )
        summary = {
            "sources": sources,
            "directories": [
                {
                    "name": each.name,
                    "changed": each.changed,
                    "observed_at": each.observed_at.isoformat() if each.observed_at else None,
                    "good_until": each.good_until.isoformat() if each.good_until else None,
                    "error": str(each.error) if each.error is not None else None,
                }
                for each in heard
            ],
            "changed": sum(each["changed"] for each in sources),
            "revoked": sum(each["revoked"] for each in sources),
            "revocation_seconds": {"median": round(median(lags), 3), "max": round(max(lags), 3)}
            if lags
            else None,
            "seconds": round(time.monotonic() - started, 3),
        }
        record.summary = summary
        artifacts.access_report(project, summary)
        get_run_logger().info(
            "%s documents under other rules, %s of them narrower; %s of %s directories changed",
            summary["changed"],
            summary["revoked"],
            sum(each.changed for each in heard),
            len(heard),
        )
        if incidents:
            raise IncidentError(incidents, summary)
    return summary


def _sync_source(project: Project, source: Source) -> AppliedRules:
    # Listed within the transaction, as ingest does: of two listings, the one that was taken later holds.
    with project.catalog.write() as session:
        return apply_rules(
            session,
            source.name,
            project.connector(source).list(),
            defaults=defaults_of(source),
            breaker=breaker_of(source),
        )


def _lags(changed_at: Sequence[datetime | None], asked_before: datetime | None) -> list[float]:
    """Seconds from the change at the source, or at most so many where it does not say when that was."""
    now = utcnow()
    since = [each or asked_before for each in changed_at]
    return [max(0.0, (now - each).total_seconds()) for each in since if each is not None]


def _asked_before(project: Project) -> datetime | None:
    """When the sources were last asked who may read what: a change is not older than that."""
    with project.catalog.read() as session:
        return session.scalar(
            select(col(Run.started_at))
            .where(col(Run.kind).in_((KIND, "ingest")), col(Run.state) == "completed")
            .order_by(col(Run.id).desc())
            .limit(1)
        )
