"""A backup: catalog, index, vector cache and ledger as of one moment, in one folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from rag.catalog import SCHEMA, Catalog, utcnow
from rag.catalog.revisions import readable
from rag.catalog.tables import Version
from rag.errors import BackupError, LedgerError
from rag.files import sync_directory, sync_file
from rag.index import IndexStore
from rag.maintenance import manifest as manifests
from rag.maintenance.copying import settle, snapshot_catalog, snapshot_file, writing
from rag.maintenance.manifest import Manifest, files_of, write_manifest
from rag.releases import export_ledger, promoted
from rag.releases.ledger import verify


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """What was backed up. ``missing`` are versions that the catalog has and the store had lost before."""

    folder: Path
    created_at: datetime
    promoted: int | None
    versions: tuple[int, ...]
    missing: tuple[int, ...]
    entries: int
    head: str
    files: int
    bytes: int


def back_up(catalog: Catalog, store: IndexStore, vectors: Path, target: Path, *, project: str) -> BackupFacts:
    """Writes all state to the folder ``target``, which appears at once and whole, or not at all.

    Needs the writer's lock. Readers, promotions and rollbacks go on; what they do meanwhile is not in it.
    ``vectors`` is the file of the vector cache; one that is not there yet is left out.

    Raises ``BackupError`` where ``target`` holds something or cannot be written, or where the index of the
    promoted version is lost, and ``LedgerError`` where the ledger is not sound: it could not be restored.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(
            "there is something here already",
            where=str(target),
            state="It was left as it is, and nothing was backed up",
            next_step="Name a folder that is not there yet",
        )
    # One name for each project and target: what a backup that was killed has left goes with the next one.
    mark = hashlib.sha256(project.encode()).hexdigest()[:8]
    partial = target.with_name(f"{target.name}.partial-{mark}")
    state = "Nothing was backed up; the project itself is untouched"
    with writing("the backup cannot be written", target, state):
        target.parent.mkdir(parents=True, exist_ok=True)
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)  # it holds the text of every document
        try:
            facts = _fill(catalog, store, vectors, partial, target, project)
            os.rename(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_directory(target.parent)
    return facts


def _fill(
    catalog: Catalog, store: IndexStore, vectors: Path, folder: Path, target: Path, project: str
) -> BackupFacts:
    created_at = utcnow()
    # First, so that no version is in it that the index below lacks: with the lock held none is swept.
    snapshot_catalog(catalog, folder / manifests.CATALOG)
    snapshot = Catalog.open(f"sqlite:///{folder / manifests.CATALOG}", migrate=False)
    try:
        with snapshot.read() as session:
            ledger = verify(session)
            if ledger.problems:
                raise LedgerError(
                    f"the ledger is not sound: {ledger.problems[0]}",
                    where="ledger",
                    state="Nothing was backed up: what cannot be proven cannot be restored",
                    next_step="Run lockgate ledger verify; an earlier backup has the ledger as it was then",
                )
            release = promoted(session)
            wanted = list(session.scalars(select(col(Version.number)).where(readable())))
            _write_ledger(session, folder / manifests.LEDGER, project)
    finally:
        snapshot.close()
    settle(folder / manifests.CATALOG)
    versions = sorted(set(wanted) & set(store.sealed()))
    if release is not None and release.version not in versions:
        raise BackupError(
            f"the index of version {release.version}, which is promoted, is not there",
            where=str(target),
            state="Nothing was backed up",
            next_step="Run lockgate ingest --rebuild or lockgate rollback, then back up again",
        )
    if versions:
        store.copy_to(folder / manifests.INDEX, versions)
    if vectors.exists():
        snapshot_file(vectors, folder / manifests.VECTORS)
    manifest = Manifest(
        catalog_schema=SCHEMA,
        project=project,
        created_at=created_at,
        store=store.kind,
        entries=ledger.entries,
        head=ledger.head,
        promoted=release.version if release else None,
        versions=_points(store, versions),
        files=files_of(folder),
    )
    write_manifest(folder, manifest)
    return BackupFacts(
        folder=target,
        created_at=created_at,
        promoted=manifest.promoted,
        versions=tuple(versions),
        missing=tuple(sorted(set(wanted) - set(versions))),
        entries=ledger.entries,
        head=ledger.head,
        files=len(manifest.files),
        bytes=sum(file.size for file in manifest.files.values()),
    )


def _write_ledger(session: Session, path: Path, project: str) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        file.writelines(export_ledger(session, project=project))
    sync_file(path)


def _points(store: IndexStore, versions: Collection[int]) -> dict[int, int]:
    points = {}
    for version in versions:
        reader = store.open(version)
        points[version] = reader.points
        reader.close()
    return points
