"""What is left of a purged document: its row, and a note of what is to be erased elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from rag.catalog.tables import ChunkRow, Document, DocumentState, Erasure, Revision

PURGED = "purged after the backup that this catalog was restored from"


def bury(session: Session, document: Document, *, at: datetime) -> None:
    """Takes all of a document's content out of the catalog; what index and cache hold of it is to be erased."""
    assert document.id is not None
    ours = select(col(Revision.id)).where(col(Revision.document_id) == document.id)
    hashes = session.scalars(
        select(col(ChunkRow.text_hash)).distinct().where(col(ChunkRow.revision_id).in_(ours))
    ).all()
    erasure = session.get(Erasure, document.id)
    if erasure is not None:
        erasure.text_hashes = sorted({*erasure.text_hashes, *hashes})
    elif hashes:
        session.add(Erasure(document_id=document.id, text_hashes=sorted(hashes), requested_at=at))
    session.execute(delete(Revision).where(col(Revision.document_id) == document.id))
    if document.state != DocumentState.PURGED:
        document.state, document.reason = DocumentState.PURGED, PURGED
    document.rule_id, document.uri = None, None
    document.fingerprint, document.pipeline = "", ""
    session.flush()


def unbury(session: Session, document: Document) -> None:
    """Lets a document in again; its source must list it first, and say who may read it."""
    document.state, document.reason = DocumentState.DELETED, None
    session.flush()
