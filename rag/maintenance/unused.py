"""What no version needs any more: revisions with their chunks, and vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlmodel import Session, col

from rag.catalog import Catalog
from rag.catalog.revisions import latest_sealed, readable
from rag.catalog.tables import ChunkRow, Revision, Version
from rag.embedding import VectorCache

_BATCH = 500


def remove_revisions(catalog: Catalog) -> tuple[int, int]:
    """Deletes the revisions that no version can show any more; returns how many, and how many chunks.

    In batches, each whole. Needs the writer's lock: the version that is being built has no row to say so yet.
    """
    revisions = chunks = 0
    while True:
        with catalog.write() as session:
            rows = session.execute(
                select(col(Revision.id), col(Revision.chunks)).where(is_unneeded(session, ())).limit(_BATCH)
            ).all()
            if not rows:
                return revisions, chunks
            session.execute(delete(Revision).where(col(Revision.id).in_([id for id, _ in rows])))
        revisions += len(rows)
        chunks += sum(count for _, count in rows)


def count_revisions(session: Session, without: Sequence[int]) -> tuple[int, int]:
    """What ``remove_revisions`` would return once the versions ``without`` were gone."""
    revisions, chunks = session.execute(
        select(func.count(), func.coalesce(func.sum(col(Revision.chunks)), 0)).where(
            is_unneeded(session, without)
        )
    ).one()
    return revisions, int(chunks)


def is_unneeded(session: Session, without: Sequence[int]) -> ColumnElement[bool]:
    """Whether no readable version holds a revision, those ``without`` not counted, and no version to come will.

    One that lasts belongs to the next version. One that ends there stays too: the next ingest sees by it that
    something has changed.
    """
    kept = session.scalars(select(col(Version.number)).where(readable(), col(Version.number).not_in(without)))
    holding = exists().where(
        col(Version.number).in_(kept.all()),
        col(Version.number) >= col(Revision.since),
        col(Version.number) < col(Revision.until),
    )
    ended = col(Revision.until).is_not(None) & (col(Revision.until) <= (latest_sealed(session) or 0))
    return ended & ~holding


def remove_vectors(catalog: Catalog, cache: VectorCache) -> int:
    """Takes the vectors of texts that no chunk has any more out of the cache; returns how many.

    Needs the writer's lock.
    """
    forgotten = sum(cache.forget(hashes) for hashes in _unused(catalog, cache, ()))
    if forgotten:
        cache.settle()
    return forgotten


def count_vectors(catalog: Catalog, cache: VectorCache, without: Sequence[int]) -> int:
    """What ``remove_vectors`` would return once the versions ``without`` and their revisions were gone."""
    return sum(len(hashes) for hashes in _unused(catalog, cache, without))


def _unused(catalog: Catalog, cache: VectorCache, without: Sequence[int]) -> Iterator[list[str]]:
    for hashes in cache.stored():
        with catalog.read() as session:
            used = _used(session, hashes, without)
        unused = [hash for hash in hashes if hash not in used]
        if unused:
            yield unused


def _used(session: Session, hashes: Collection[str], without: Sequence[int]) -> set[str]:
    return set(
        session.scalars(
            select(col(ChunkRow.text_hash))
            .distinct()
            .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
            .where(col(ChunkRow.text_hash).in_(hashes), ~is_unneeded(session, without))
        )
    )
