"""Retention: old versions go, and with them everything that no version needs any more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session, col

from rag.catalog import Catalog, utcnow
from rag.catalog.revisions import latest_readable, readable
from rag.catalog.tables import LedgerEntry, Version, VersionState
from rag.embedding import VectorCache
from rag.index import IndexStore
from rag.maintenance.overwriting import settle
from rag.maintenance.unused import count_revisions, count_vectors, remove_revisions, remove_vectors
from rag.releases import ledger, promoted
from rag.releases.ledger import Entry


@dataclass(frozen=True, slots=True)
class Retention:
    """What stays beside the promoted version, the waiting candidate and the latest version.

    ``promoted``: the last so many versions that were promoted, the present one counted in. ``younger_than``:
    whatever was sealed so recently.
    """

    promoted: int = 3
    younger_than: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took away, or would: version numbers, and numbers of revisions, chunks and vectors.

    ``leftovers`` names what dead runs had left in the index. ``kept`` are the versions that can still be read.
    """

    versions: tuple[int, ...]
    revisions: int
    chunks: int
    vectors: int
    leftovers: tuple[str, ...]
    kept: tuple[int, ...]


def sweep(
    catalog: Catalog,
    store: IndexStore,
    cache: VectorCache,
    retention: Retention,
    *,
    now: datetime | None = None,
    dry_run: bool = False,
) -> Swept:
    """Takes away the versions that ``retention`` does not keep, then what only they needed.

    The numbers of versions, and what was decided about them, stay. Readers that search such a version just now
    are told that it is gone. Needs the writer's lock; promotions and rollbacks may go on. Killed anywhere, the
    next sweep finishes it. With ``dry_run`` it only says what it would do, of ``leftovers`` the versions alone.
    """
    moment = now or utcnow()
    if dry_run:
        return _foreseen(catalog, store, cache, retention, moment)
    with catalog.write() as session:
        kept, going = _sort_out(session, retention, moment)
        _mark(session, going, moment)
    # From here on nobody opens them: dying now leaves garbage, never a version that is half there.
    strays = _strays(store, kept, going)
    for version in [*going, *strays]:
        store.drop(version)
    revisions, chunks = remove_revisions(catalog)
    vectors = remove_vectors(catalog, cache)
    left = store.tidy()
    settle(catalog)
    return Swept(going, revisions, chunks, vectors, (*map(_named, strays), *left), kept)


def _foreseen(
    catalog: Catalog, store: IndexStore, cache: VectorCache, retention: Retention, now: datetime
) -> Swept:
    with catalog.read() as session:
        kept, going = _sort_out(session, retention, now)
        revisions, chunks = count_revisions(session, going)
    vectors = count_vectors(catalog, cache, going)
    return Swept(going, revisions, chunks, vectors, tuple(map(_named, _strays(store, kept, going))), kept)


def _sort_out(
    session: Session, retention: Retention, now: datetime
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The readable versions that stay, and those that go, each ascending."""
    rows = session.execute(
        select(col(Version.number), col(Version.state), col(Version.sealed_at))
        .where(readable())
        .order_by(col(Version.number))
    ).all()
    numbers = {number for number, _, _ in rows}
    # The latest is what an ingest that changes nothing reports, and what the next one is compared with.
    wanted = {latest_readable(session), *_promoted_last(session, numbers, retention.promoted)}
    now_promoted = promoted(session)
    if now_promoted is not None:
        wanted.add(now_promoted.version)
    for number, state, sealed_at in rows:
        if state == VersionState.CANDIDATE or sealed_at > now - retention.younger_than:
            wanted.add(number)
    kept = tuple(number for number, _, _ in rows if number in wanted)
    return kept, tuple(number for number, _, _ in rows if number not in wanted)


def _promoted_last(session: Session, readable_ones: Collection[int], count: int) -> list[int]:
    """The versions that readers saw last, newest first, of those that can still be read."""
    moves = session.scalars(
        select(col(LedgerEntry.version))
        .where(col(LedgerEntry.kind).in_(ledger.MOVES), col(LedgerEntry.release).is_not(None))
        .order_by(col(LedgerEntry.number).desc())
    )
    seen = dict.fromkeys(version for version in moves if version is not None and version in readable_ones)
    return list(seen)[:count]


def _mark(session: Session, going: tuple[int, ...], now: datetime) -> None:
    if not going:
        return
    ours = col(Version.number).in_(going)
    session.execute(update(Version).where(ours).values(swept_at=now))
    session.execute(
        update(Version)
        .where(ours, col(Version.state) != VersionState.REJECTED)
        .values(state=VersionState.RETIRED)
    )
    ledger.append(
        session,
        Entry(
            "sweep",
            reasons=[f"retention took {len(going)} versions away"],
            details={"versions": list(going)},
        ),
    )


def _strays(store: IndexStore, kept: Collection[int], going: Collection[int]) -> list[int]:
    """Versions in the store that the catalog does not know, or knows as gone: left by runs that died."""
    return [version for version in store.sealed() if version not in kept and version not in going]


def _named(version: int) -> str:
    return f"the index of version {version}"
