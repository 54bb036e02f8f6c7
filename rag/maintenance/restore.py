"""A restore: a backup back into an empty place, with what the ledger says of the time since."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from rag.catalog import Catalog, replace_memberships
from rag.embedding import VectorCache
from rag.errors import BackupError, IndexCorruptError, LedgerError
from rag.files import sync_file
from rag.index import IndexStore
from rag.maintenance import manifest as manifests
from rag.maintenance.copying import writing
from rag.maintenance.manifest import Manifest, check_backup
from rag.maintenance.place import Place
from rag.maintenance.purge import finish_erasures
from rag.maintenance.replay import Replayed, outrun_epoch, replay, skip_versions
from rag.releases import LedgerFile, promoted, read_ledger, withdraw_deleted
from rag.releases import ledger as ledgers
from rag.releases.ledger import Entry


@dataclass(frozen=True, slots=True)
class RestoreFacts:
    """What was restored. ``replayed`` is what the later ledger had done again.

    With ``unknown_since`` there was none: whatever was purged or revoked since that moment, the time of the
    backup, is not known here, and is back as it was then.
    """

    created_at: datetime
    promoted: int | None
    versions: tuple[int, ...]
    replayed: Replayed
    unknown_since: datetime | None


def restore(
    backup: Path,
    *,
    catalog_url: str,
    store: IndexStore,
    vectors: Path,
    later: LedgerFile | None,
    members_of: Mapping[str, AbstractSet[str]] | None,
    by: str | None,
    accept_unknown: bool = False,
) -> RestoreFacts:
    """Brings all state back from the folder ``backup``, then does again what ``later`` says happened since.

    Needs the writer's lock, and an empty place: no versions or ledger at ``catalog_url``, none in ``store``, no
    file ``vectors``. Readers that were open before must be opened anew. ``later`` is a ledger exported after the
    backup; without one, ``accept_unknown`` says that purges and revocations since may be forgotten.
    ``members_of`` are the groups of the present groups file, which replace those of the backup.

    The catalog comes last and at once: killed anywhere, there is none, and the same call makes it whole.
    Raises ``BackupError``, ``LedgerError`` or ``IndexStoreError``; a backup that is not sound changes nothing.
    """
    manifest = check_backup(backup)
    if manifest.store != store.kind:
        raise BackupError(
            f"the backup holds an index of the store {manifest.store}, and this project has {store.kind}",
            where=str(backup),
            state="Nothing was changed",
            next_step=f"Write index: {{store: {manifest.store}}}",
        )
    _check_ledgers(backup, manifest, later, accept_unknown=accept_unknown)
    place = Place(catalog_url, store, vectors)
    with writing("the backup cannot be restored", vectors.parent, "Only a part was restored, and no catalog"):
        done = place.restored(manifest)
        if done is not None:
            replayed = Replayed(**done["applied"])
        else:
            place.clear(manifest)
            replayed = _prepare(backup, manifest, place, later, members_of, by)
            if manifest.versions:
                store.load_from(backup / manifests.INDEX)
            _check_index(store, manifest)
            _load_vectors(backup, manifest, place)
            place.go_live()
    _finish(place)
    return RestoreFacts(
        created_at=manifest.created_at,
        promoted=manifest.promoted,
        versions=tuple(sorted(manifest.versions)),
        replayed=replayed,
        unknown_since=None if later else manifest.created_at,
    )


def _check_ledgers(
    backup: Path, manifest: Manifest, later: LedgerFile | None, *, accept_unknown: bool
) -> None:
    own = read_ledger(backup / manifests.LEDGER)
    if (len(own.entries), own.head) != (manifest.entries, manifest.head):
        raise LedgerError(
            "the ledger of the backup is not the one that its manifest names",
            where=str(backup),
            state="Nothing was changed",
            next_step="Take another backup",
        )
    if later is None:
        if accept_unknown:
            return
        raise BackupError(
            "what was purged or revoked after the backup is not known",
            where=str(backup),
            state="Nothing was changed",
            next_step="Give the ledger that lockgate ledger export wrote last (--ledger); if there is none, "
            "--without-ledger restores even so, and with it whatever was purged or revoked since",
        )
    if later.project != manifest.project:
        raise _another_ledger(f"it is of the project {later.project}, and the backup of {manifest.project}")
    if len(later.entries) < manifest.entries:
        raise _another_ledger(f"it ends at entry {len(later.entries)}, and the backup at {manifest.entries}")
    if later.hash_at(manifest.entries) != manifest.head:
        raise _another_ledger(f"its entry {manifest.entries} is not the one that the backup ends with")


def _another_ledger(why: str) -> LedgerError:
    return LedgerError(
        f"the exported ledger does not continue that of the backup: {why}",
        state="Nothing was changed",
        next_step="Give the one that this project exported last",
    )


def _prepare(
    backup: Path,
    manifest: Manifest,
    place: Place,
    later: LedgerFile | None,
    members_of: Mapping[str, AbstractSet[str]] | None,
    by: str | None,
) -> Replayed:
    """Makes the catalog as it is to be, beside the place where it goes."""
    shutil.copyfile(backup / manifests.CATALOG, place.prepared)
    catalog = Catalog.open(f"sqlite:///{place.prepared}", migrate=True)
    try:
        with catalog.write() as session:
            sound = ledgers.verify(session)
            if sound.problems or sound.head != manifest.head:
                raise LedgerError(
                    "the ledger in the backup's catalog is not sound: "
                    + (sound.problems[0] if sound.problems else "it is not the one that the manifest names"),
                    where=str(backup),
                    state="Nothing was restored",
                    next_step="Take another backup",
                )
            replayed = Replayed()
            if later is not None:
                replayed = replay(session, later, after=manifest.entries)
            else:
                skip_versions(session, None)
            if members_of is not None:
                replace_memberships(session, "groups", members_of)
            now = promoted(session)
            if now is not None:
                withdraw_deleted(session, now.version)
            outrun_epoch(session, later.access_epoch if later else 0)
            _record(session, manifest, replayed, later, by)
    finally:
        catalog.close()
    if replayed.purged or replayed.unpurged:
        place.scrub()
    return replayed


def _record(
    session: Session, manifest: Manifest, replayed: Replayed, later: LedgerFile | None, by: str | None
) -> None:
    release = promoted(session)
    unknown = "; what was purged or revoked since is not known" if later is None else ""
    ledgers.append(
        session,
        Entry(
            "restore",
            version=release.version if release else None,
            release=release.release if release else None,
            reasons=[
                f"restored from the backup of {manifest.created_at:%Y-%m-%d %H:%M} UTC, "
                f"then {replayed.entries} later entries{unknown}"
            ],
            fingerprints=release.fingerprints if release else {},
            details={
                "backup": manifest.digest,
                "created_at": manifest.created_at.isoformat(),
                "entries": manifest.entries,
                "head": manifest.head,
                "applied": asdict(replayed),
                "ledger": later is not None,
                "by": by,
            },
        ),
    )


def _check_index(store: IndexStore, manifest: Manifest) -> None:
    for version, points in manifest.versions.items():
        reader = store.open(version)
        found = reader.points
        reader.close()
        if found != points:
            raise IndexCorruptError(
                f"version {version} came back with {found} points and had {points}",
                state="The catalog was not restored",
                next_step="Run the same command again, or take another backup",
            )


def _load_vectors(backup: Path, manifest: Manifest, place: Place) -> None:
    if manifests.VECTORS not in manifest.files:
        return
    shutil.copyfile(backup / manifests.VECTORS, place.prepared_vectors)
    sync_file(place.prepared_vectors)
    place.prepared_vectors.rename(place.vectors)
    sync_file(place.vectors)


def _finish(place: Place) -> None:
    """What may be done over and over: erases what was purged, and takes the marker of the restore away."""
    catalog = Catalog.open(place.catalog_url, migrate=False)
    cache = VectorCache(place.vectors, fingerprint="")
    try:
        finish_erasures(catalog, place.store, cache)
    finally:
        cache.close()
        catalog.close()
    place.store.tidy()
    place.unmark()
