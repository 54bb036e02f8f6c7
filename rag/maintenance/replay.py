"""What happened after a backup, by the ledger that outlived it, done to a restored catalog before it goes live."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select, update
from sqlmodel import Session, col

from rag.access import AccessRule
from rag.catalog import put_under, raise_access_epoch, rule_id, utcnow
from rag.catalog.revisions import next_version
from rag.catalog.tables import (
    Counter,
    Directory,
    Document,
    DocumentState,
    Erasure,
    Generation,
    LedgerEntry,
    Membership,
    Revision,
    Version,
    VersionState,
)
from rag.maintenance.tombstone import bury, unbury
from rag.releases import LedgerFile
from rag.releases.ledger_file import named_rules

_EPOCHS_BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
_EPOCH_MARGIN = 1_000_000
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """How much was done again: entries taken over, documents under another rule, purged and let in again."""

    entries: int = 0
    access_changed: int = 0
    purged: int = 0
    unpurged: int = 0


def replay(session: Session, later: LedgerFile, *, after: int) -> Replayed:
    """Takes over the entries after number ``after``, and does again what they say of access and of purges.

    Content is not theirs to give: what was ingested since comes back with the next ingest. ``later`` must have
    been checked to continue this catalog's ledger. Memberships become those of the file, and no version number
    that was given by then is given again.
    """
    new = later.entries[after:]
    for entry in new:
        session.add(LedgerEntry(**entry.model_dump()))
    session.merge(Counter(name="ledger", value=len(later.entries)))
    session.flush()
    rules: dict[str, str | None] = {}
    fates: dict[str, LedgerEntry] = {}
    for entry in new:
        rules.update(named_rules(entry))
        if entry.kind in ("purge", "unpurge"):
            key = str(entry.details["document"])
            fates[key] = entry
            # Letting a document in again gives nobody access to it: its source does, in an entry after this.
            rules[key] = None
    for key in _unknown_since_restore(session, new):
        rules[key] = None
    for key, entry in fates.items():
        _purge(session, key, entry)
    changed = _set_rules(session, rules, later.rules)
    purged = sum(entry.kind == "purge" for entry in fates.values())
    _replace_all_memberships(session, later)
    skip_versions(session, later)
    return Replayed(len(new), changed, purged, len(fates) - purged)


def _unknown_since_restore(session: Session, new: Sequence[LedgerEntry]) -> list[str]:
    """The documents of which nothing is known since another restore, if there was one after the backup.

    That one may have forgotten a document, and then its source brought it as a new one: the first rule of a
    document is no change, and in no entry. What is not known is denied, until its source lists it again.
    """
    restores = [place for place, entry in enumerate(new) if entry.kind == "restore"]
    if not restores:
        return []
    since = new[restores[-1] + 1 :]
    named = {key for entry in since for key in named_rules(entry)}
    return [key for key in session.scalars(select(col(Document.key))) if key not in named]


def outrun_epoch(session: Session, known: int = 0) -> None:
    """Raises the access epoch above every one that a reader may have seen, even one that nobody remembers.

    ``known`` is the highest that is remembered elsewhere. Epochs of a state that was lost were counted up from an
    earlier restore at most, so time and a margin are far above them.
    """
    raise_access_epoch(session)
    session.flush()
    counter = session.get_one(Counter, "access_epoch")
    passed = int((utcnow() - _EPOCHS_BEGAN).total_seconds())
    counter.value = max(counter.value, known, passed) + 1 + secrets.randbelow(_EPOCH_MARGIN)
    session.flush()


def skip_versions(session: Session, later: LedgerFile | None) -> None:
    """Begins the next version anew, with a number that no version had by the time of ``later``."""
    old = next_version(session)
    session.execute(delete(Version).where(col(Version.state) == VersionState.BUILDING))
    if later is None:
        return
    named = [entry.version for entry in later.entries if entry.version is not None]
    last = max([later.last_version, *named])
    if last < old:
        return
    generation = _last_generation(session)
    now = utcnow()
    session.execute(
        insert(Version),
        [
            {
                "number": number,
                "generation_id": generation,
                "state": VersionState.RETIRED,
                "listings": {},
                "created_at": now,
                "swept_at": now,
            }
            for number in range(old, last + 1)
        ],
    )
    # What had changed since the last sealed version belongs to the next one, whatever its number.
    session.execute(update(Revision).where(col(Revision.since) == old).values(since=last + 1))
    session.execute(update(Revision).where(col(Revision.until) == old).values(until=last + 1))


def _purge(session: Session, key: str, last: LedgerEntry) -> None:
    """Takes a document's content away, and lets it in again if that is what was done ``last``.

    One that the catalog does not know gets a row, so that no later ingest takes it in.
    """
    document = session.scalar(select(Document).where(col(Document.key) == key))
    if document is None:
        if last.kind == "unpurge":
            return
        source, _, external_id = key.partition("/")
        document = Document(
            key=key,
            source=source,
            external_id=external_id,
            state=DocumentState.DELETED,
            fingerprint="",
            pipeline="",
        )
        session.add(document)
        session.flush()
    elif session.get(Erasure, document.id) is None:
        assert document.id is not None
        # Also where it has no chunk: the index may hold what it had before.
        session.add(Erasure(document_id=document.id, requested_at=last.decided_at))
    bury(session, document, at=last.decided_at)
    if last.kind == "unpurge":
        unbury(session, document)


def _set_rules(session: Session, digests: Mapping[str, str | None], rules: Mapping[str, AccessRule]) -> int:
    """Puts documents under the rules with these digests; one that nobody knows is nobody's. Returns how many.

    A document that the catalog does not know was ingested after the backup: its source gives it back.
    """
    ids: dict[str | None, int | None] = {None: None}
    moved: dict[int, int | None] = {}
    keys = sorted(digests)
    for start in range(0, len(keys), _BATCH):
        for id, key, present in session.execute(
            select(col(Document.id), col(Document.key), col(Document.rule_id)).where(
                col(Document.key).in_(keys[start : start + _BATCH]),
                col(Document.state) != DocumentState.PURGED,
            )
        ):
            digest = digests[key]
            if digest not in ids:
                rule = rules.get(digest) if digest is not None else None
                ids[digest] = rule_id(session, rule) if rule is not None else None
            if ids[digest] != present:
                moved[id] = ids[digest]
    put_under(session, moved)
    return len(moved)


def _replace_all_memberships(session: Session, later: LedgerFile) -> None:
    session.execute(delete(Membership))
    session.execute(delete(Directory))
    if later.memberships:
        session.execute(insert(Membership), [row.model_dump() for row in later.memberships])
    if later.directories:
        session.execute(insert(Directory), [row.model_dump() for row in later.directories])


def _last_generation(session: Session) -> int:
    """The generation of the last version, or the last there is; one that nothing belongs to, if there is none."""
    last = session.scalar(select(col(Version.generation_id)).order_by(col(Version.number).desc()).limit(1))
    found = last if last is not None else session.scalar(select(func.max(col(Generation.id))))
    if found is not None:
        return found
    unknown = Generation(digest="", settings={})
    session.add(unknown)
    session.flush()
    assert unknown.id is not None
    return unknown.id
