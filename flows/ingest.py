"""The flow ``ingest``: from the sources to a sealed candidate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.utilities.annotations import quote
from sqlalchemy import select
from sqlmodel import col

from connectors import Connector, DocumentRef
from flows import artifacts
from flows.groups import sync_groups
from flows.incidents import IncidentError
from flows.progress import advance
from flows.project import Project, breaker_of, defaults_of, opened
from flows.retries import ATTEMPTS, DELAYS_SECONDS, if_transient
from rag.catalog import recorded_run
from rag.catalog.revisions import latest_readable
from rag.catalog.tables import Document, DocumentState, Version
from rag.catalog.tables import Source as SourceRow
from rag.errors import LockgateError, SourceError, UsageError
from rag.ingestion import (
    BatchResult,
    Breaker,
    DocumentCounts,
    SourcePlan,
    WriterLock,
    begin_version,
    build_version,
    choose_base,
    embed_version,
    needs_version,
    plan_source,
    process_batch,
    record_listings,
    writer_lock,
)
from rag.maintenance import finish_erasures
from rag.settings import Source

_SMALLEST_BATCH = 64
_MOST_BATCHES = 100
"""Orchestrators drown in thousands of small tasks: a large source gets larger batches, not more of them."""


@dataclass
class _Tally:
    counts: DocumentCounts = field(default_factory=DocumentCounts)
    incidents: dict[str, LockgateError] = field(default_factory=dict)


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    return f"ingest {parameters.get('source') or 'all sources'}"


@flow(name="ingest", flow_run_name=_run_name)
def ingest(
    config: str = "lockgate.yaml",
    source: str | None = None,
    rebuild: bool = False,
    accept_deletions: int = 0,
    accept_unruled: int = 0,
    by: str | None = None,
) -> dict[str, Any]:
    """Takes what changed in the sources (or in one) into a new candidate version.

    Nothing changed: no version. ``rebuild`` makes one from the catalog all the same, without copying the last.
    ``accept_deletions`` is the number of deleted documents that ``by`` confirms, where ``source`` was held for it,
    and ``accept_unruled`` that of documents which say no more who may read them.
    Returns the summary of the contract. Raises ``IncidentError`` at the end if a source could not be used.
    """
    with opened(config) as project:
        return ingest_project(
            project,
            source=source,
            rebuild=rebuild,
            accept_deletions=accept_deletions,
            accept_unruled=accept_unruled,
            by=by,
        )


def ingest_project(
    project: Project,
    *,
    source: str | None = None,
    rebuild: bool = False,
    accept_deletions: int = 0,
    accept_unruled: int = 0,
    by: str | None = None,
) -> dict[str, Any]:
    """``ingest`` for a project that is open."""
    if (accept_deletions or accept_unruled) and source is None:
        raise UsageError(
            "deletions and lost rules are accepted for one source at a time",
            state="Nothing was changed",
            next_step="Name it with --source",
        )
    started = time.monotonic()
    settings = project.settings
    chosen = [settings.source(source)] if source else list(settings.sources)
    project.check()
    with (
        writer_lock(settings.state, project.catalog) as lock,
        recorded_run(project.catalog, "ingest") as record,
    ):
        finish_erasures(project.catalog, project.store, project.cache, forget_derived=project.forget_derived)
        tally = _Tally()
        for heard in sync_groups(project):
            if heard.error is not None:
                get_run_logger().error("%s: %s", heard.name, heard.error)
                tally.incidents[heard.name] = heard.error
        for each in chosen:
            breaker = replace(
                breaker_of(each), accepted=accept_deletions, accepted_unruled=accept_unruled, by=by
            )
            _ingest_source(project, each, breaker, tally)
        built = rebuild or needs_version(project.catalog, project.generation)
        embedded = _next_version(project, lock, from_scratch=rebuild) if built else 0
        finish_erasures(
            project.catalog, project.store, project.cache, forget_derived=project.forget_derived
        )  # of what was purged meanwhile
        summary = _summary(project, tally, embedded=embedded, built=built)
        if summary["version"] is not None:
            record_listings(project.catalog, summary["version"])
        summary["seconds"] = round(time.monotonic() - started, 3)
        record.version, record.summary = summary["version"], summary
        artifacts.ingest_report(project, summary, _kept_out(project))
        get_run_logger().info(
            "version %s (%s): documents %s, chunks %s",
            summary["version"],
            "sealed now" if built else "nothing changed",
            summary["documents"],
            summary["chunks"],
        )
        if tally.incidents:
            raise IncidentError(list(tally.incidents.values()), summary)
    return summary


def _ingest_source(project: Project, source: Source, breaker: Breaker, tally: _Tally) -> None:
    """One source; if it cannot be used, that is noted and the others go on."""
    connector = project.connector(source)
    try:
        plan = list_source(project, source, connector, breaker)
        tally.counts += plan.counts
        if plan.held is not None:
            raise plan.held
        tally.counts += _process(project, source, connector, plan)
    except SourceError as error:
        get_run_logger().error("source %s: %s", source.name, error)
        tally.incidents[source.name] = error
        with project.catalog.write() as session:
            row = session.get(SourceRow, source.name) or SourceRow(name=source.name)
            row.incident = str(error)  # what was listed before is as old as it was
            session.add(row)


def _process(project: Project, source: Source, connector: Connector, plan: SourcePlan) -> DocumentCounts:
    counts = DocumentCounts()
    size = max(_SMALLEST_BATCH, -(-len(plan.work) // _MOST_BATCHES))
    for start in range(0, len(plan.work), size):
        batch = plan.work[start : start + size]
        result = process_documents(
            project, source, connector, quote(batch), start + 1, start + len(batch), len(plan.work)
        )
        counts += result.counts
        advance(f"reading {source.name}", start + len(batch), len(plan.work))
    return counts


@task(
    name="list-source",
    task_run_name="list {source.name}",
    cache_policy=NO_CACHE,
    retries=ATTEMPTS,
    retry_delay_seconds=DELAYS_SECONDS,
    retry_condition_fn=if_transient,
)
def list_source(project: Project, source: Source, connector: Connector, breaker: Breaker) -> SourcePlan:
    """Lists the source whole, applies rules and deletions, and plans the rest."""
    with project.catalog.write() as session:
        return plan_source(
            session,
            source.name,
            connector.list(),
            defaults=defaults_of(source),
            pipeline=project.pipeline,
            breaker=breaker,
        )


@task(
    name="process-documents",
    task_run_name="{source.name}: documents {first} to {last} of {total}",
    cache_policy=NO_CACHE,
    retries=ATTEMPTS,
    retry_delay_seconds=DELAYS_SECONDS,
    retry_condition_fn=if_transient,
)
def process_documents(
    project: Project,
    source: Source,
    connector: Connector,
    batch: Sequence[DocumentRef],
    first: int,
    last: int,
    total: int,
) -> BatchResult:
    """Fetches, parses and chunks one batch of references into the catalog."""
    return process_batch(
        project.catalog,
        source.name,
        connector,
        batch,
        parser=project.parser,
        chunker=project.chunker,
        defaults=defaults_of(source),
        pipeline=project.pipeline,
    )


def _next_version(project: Project, lock: WriterLock, *, from_scratch: bool) -> int:
    version = begin_version(project.catalog, project.generation)
    base = choose_base(project.catalog, version, project.generation, project.store, from_scratch=from_scratch)
    embedded = embed_chunks(project, version, base)
    lock.check()
    seal_version(project, version, base)
    return embedded


@task(name="embed-chunks", task_run_name="embed version {version}", cache_policy=NO_CACHE)
def embed_chunks(project: Project, version: int, base: int | None) -> int:
    """Embeds the texts that the vector cache lacks; returns how many."""
    return embed_version(
        project.catalog,
        version,
        base=base,
        embedder=project.embedder,
        cache=project.cache,
        progress=lambda done, total: advance("embedding", done, total),
    )


@task(name="seal-version", task_run_name="seal version {version}", cache_policy=NO_CACHE)
def seal_version(project: Project, version: int, base: int | None) -> None:
    """Builds the index of the version beside the others and seals it."""
    build_version(
        project.catalog,
        version,
        base=base,
        spec=project.generation,
        store=project.store,
        cache=project.cache,
        bm25=project.bm25,
    )


def _summary(project: Project, tally: _Tally, *, embedded: int, built: bool) -> dict[str, Any]:
    with project.catalog.read() as session:
        version = latest_readable(session)
        total = session.get_one(Version, version).chunks if version is not None else 0
    return {
        "version": version,
        "built": built,
        "documents": tally.counts.to_dict(),
        "chunks": {"total": total, "embedded": embedded, "reused": total - embedded},
        "incidents": [
            {"source": name, "error": type(error).__name__, "message": str(error)}
            for name, error in tally.incidents.items()
        ],
    }


def _kept_out(project: Project) -> list[tuple[str, str]]:
    with project.catalog.connect() as connection:
        rows = connection.execute(
            select(col(Document.key), col(Document.reason))
            .where(col(Document.state) == DocumentState.QUARANTINED)
            .order_by(col(Document.key))
        )
        return [(key, reason or "no reason was recorded") for key, reason in rows]
