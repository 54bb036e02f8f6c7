"""Purge, sweep, backup, restore and the ledger, for a project; without Prefect."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.project import Project, using
from rag import composition
from rag.catalog.tables import LedgerEntry
from rag.errors import BackupError, IndexStoreError, LedgerError, UsageError, WriterBusyError
from rag.files import sync_file
from rag.ingestion import writer_lock
from rag.maintenance import (
    Retention,
    Swept,
    back_up,
    finish_erasures,
    purge,
    restore,
    sweep,
    undo_purge,
)
from rag.releases import export_ledger, read_ledger, story, verify
from rag.settings import Settings

UNDO_WORD = "undo-purge"
_PATIENCE_SECONDS = 60.0
"""How long upkeep waits for an ingest to end before it gives up."""


def purge_document(settings: Settings, document: str, *, by: str | None) -> dict[str, Any]:
    """Purges ``document`` and erases what is left of it, unless a run holds the lock: then that run does so.

    Raises ``UnknownDocumentError``.
    """
    with using(settings) as project:
        new = purge(project.catalog, document, by=by)
        try:
            with writer_lock(settings.state, project.catalog):
                finish_erasures(
                    project.catalog, project.store, project.cache, forget_derived=project.forget_derived
                )
        except WriterBusyError:
            return {"purged": document, "new": new, "erased": False}
        except IndexStoreError as error:
            raise IndexStoreError(
                error.what,
                where=error.where,
                state=f"{document} is purged, nobody can retrieve it; bytes of it are left in the index",
                next_step="Once that is mended, run the same command again; ingest and sweep do it as well",
            ) from error
    return {"purged": document, "new": new, "erased": True}


def undo_purge_of(settings: Settings, document: str, *, word: str | None, by: str | None) -> dict[str, Any]:
    """Lets ``document`` be ingested again. Raises ``UsageError`` without the word for it."""
    if word != UNDO_WORD:
        raise UsageError(
            "a purge is for good unless it is undone with the word for it",
            where=document,
            state="It stays purged",
            next_step=f"If it is meant, add --confirm {UNDO_WORD}",
        )
    with using(settings) as project:
        undo_purge(project.catalog, document, by=by)
    return {"purged": None, "undone": document}


def sweep_project(settings: Settings, *, dry_run: bool = False) -> dict[str, Any]:
    """Takes away what retention no longer keeps, and whatever a killed run left behind."""
    kept = settings.retention
    with (
        using(settings) as project,
        writer_lock(settings.state, project.catalog, wait_seconds=_PATIENCE_SECONDS),
    ):
        finish_erasures(project.catalog, project.store, project.cache, forget_derived=project.forget_derived)
        done: Swept = sweep(
            project.catalog,
            project.store,
            project.cache,
            Retention(promoted=kept.promoted, younger_than=kept.younger_than),
            dry_run=dry_run,
        )
    return {"dry_run": dry_run, **_plain(asdict(done))}


def back_up_project(settings: Settings, target: Path) -> dict[str, Any]:
    """Writes all state to ``target``, while readers go on."""
    with (
        using(settings) as project,
        writer_lock(settings.state, project.catalog, wait_seconds=_PATIENCE_SECONDS),
    ):
        finish_erasures(project.catalog, project.store, project.cache, forget_derived=project.forget_derived)
        done = back_up(
            project.catalog,
            project.store,
            composition.vectors_file(settings),
            target,
            project=settings.project,
        )
    return _plain(asdict(done))


def restore_project(
    settings: Settings, backup: Path, *, ledger: Path | None, without_ledger: bool, by: str | None
) -> dict[str, Any]:
    """Brings a backup back into an empty place, and does again what ``ledger`` says was purged or revoked."""
    if ledger is not None and without_ledger:
        raise UsageError("--ledger and --without-ledger exclude each other")
    if ledger is None and not without_ledger:
        raise BackupError(
            "what was purged or revoked after the backup is in the ledger, and none was given",
            where=str(backup),
            state="Nothing was changed",
            next_step="Give the last export of lockgate ledger export with --ledger FILE,"
            " or say --without-ledger if there is none",
        )
    later = read_ledger(ledger) if ledger is not None else None
    project = Project(settings)
    with writer_lock(settings.state):  # there is no catalog yet to lock for other machines
        done = restore(
            backup,
            catalog_url=composition.catalog_url(settings),
            store=composition.index_store(settings),
            vectors=composition.vectors_file(settings),
            later=later,
            members_of=project.members_of(),
            by=by,
            accept_unknown=without_ledger,
        )
    return _plain(asdict(done))


def verify_ledger(settings: Settings, *, head: str | None) -> dict[str, Any]:
    """Raises ``LedgerError`` where the ledger is not sound."""
    with using(settings) as project, project.catalog.read() as session:
        found = verify(session, head=head)
    if found.problems:
        raise LedgerError(
            "; ".join(found.problems),
            where="ledger",
            state=f"{found.entries} entries were read",
            next_step="Compare with the ledger of the last backup, and with who had access to the catalog",
        )
    return {"sound": True, "entries": found.entries, "head": found.head}


def ledger_story(settings: Settings, version: int | None) -> dict[str, Any]:
    """The entries about ``version``, or all, oldest first."""
    with using(settings) as project, project.catalog.read() as session:
        return {"entries": [_entry(row) for row in story(session, version)]}


def export_project_ledger(settings: Settings, target: Path) -> dict[str, Any]:
    """Writes the ledger to the file ``target``, whole or not at all."""
    partial = target.with_name(target.name + ".partial")
    with using(settings) as project, project.catalog.read() as session:
        found = verify(session)
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.writelines(export_ledger(session, project=settings.project))
            sync_file(partial)
            partial.replace(target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise LedgerError(
                f"the ledger cannot be written there ({error.strerror})",
                where=str(target),
                state="Nothing was exported",
            ) from error
    return {
        "file": str(target),
        "entries": found.entries,
        "head": found.head,
        "problems": list(found.problems),
    }


def _entry(row: LedgerEntry) -> dict[str, Any]:
    return _plain(
        {
            "number": row.number,
            "kind": row.kind,
            "version": row.version,
            "release": row.release,
            "reasons": row.reasons,
            "checks": row.checks,
            "fingerprints": row.fingerprints,
            "details": row.details,
            "decided_at": row.decided_at,
            "hash": row.hash,
        }
    )


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it: times and paths as text, tuples as lists."""
    return {key: _value(held) for key, held in value.items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return _plain(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(held) for held in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
