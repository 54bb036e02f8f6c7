"""Counting the terms of revisions, for IDF over what a reader may see."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import insert, select
from sqlmodel import Session, col

from rag.catalog import Catalog
from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Revision, RevisionTerms
from rag.catalog.terms import pack
from rag.index import Bm25Encoder
from rag.ingestion.corpus import embedded_text

_BATCH = 500


def count_terms(catalog: Catalog, version: int, bm25: Bm25Encoder) -> None:
    """Has the catalog know the terms of every revision that is alive at ``version``, as ``bm25`` sees them.

    In batches, each whole; what is known is not counted again.
    """
    after = 0
    while True:
        with catalog.read() as session:
            revisions = _uncounted(session, version, bm25.fingerprint, after)
            if not revisions:
                return
            texts = session.execute(
                select(col(ChunkRow.revision_id), col(ChunkRow.context), col(ChunkRow.text)).where(
                    col(ChunkRow.revision_id).in_(revisions)
                )
            ).all()
        chunks: dict[int, list[tuple[int, ...]]] = defaultdict(list)
        for revision, context, text in texts:
            chunks[revision].append(bm25.document(embedded_text(context, text)).indices)
        with catalog.write() as session:
            # A purge may have taken some away meanwhile.
            there = session.scalars(select(col(Revision.id)).where(col(Revision.id).in_(revisions))).all()
            rows = [
                {"revision_id": id, "bm25": bm25.fingerprint, "counts": pack(chunks[id])}
                for id in there
                if id is not None
            ]
            if rows:
                session.execute(insert(RevisionTerms), rows)
        after = revisions[-1]


def _uncounted(session: Session, version: int, bm25: str, after: int) -> list[int]:
    known = (col(RevisionTerms.revision_id) == col(Revision.id)) & (col(RevisionTerms.bm25) == bm25)
    rows = session.scalars(
        select(col(Revision.id))
        .outerjoin(RevisionTerms, known)
        .where(alive_at(version), col(RevisionTerms.revision_id).is_(None), col(Revision.id) > after)
        .order_by(col(Revision.id))
        .limit(_BATCH)
    )
    return [id for id in rows if id is not None]
