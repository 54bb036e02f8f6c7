"""What is left of a purged document: its row, and a note of what is to be erased elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col

from rag.catalog import note_buried
from rag.catalog.tables import Document, DocumentState, Erasure, Revision

PURGED = "purged after the backup that this catalog was restored from"


def bury(session: Session, document: Document, *, at: datetime) -> None:
    """Takes all of a document's content out of the catalog; what index and cache hold of it is to be erased."""
    assert document.id is not None
    if session.get(Erasure, document.id) is None:
        # Also where the catalog has no text of it: versions copied from versions may hold bytes of it yet, and
        # a run that has died may have left its vectors.
        session.add(Erasure(document_id=document.id, requested_at=at))
    session.execute(delete(Revision).where(col(Revision.document_id) == document.id))
    if document.state != DocumentState.PURGED:
        document.state, document.reason = DocumentState.PURGED, PURGED
    document.rule_id, document.uri = None, None
    document.fingerprint, document.pipeline = "", ""
    note_buried(session)
    session.flush()


def unbury(session: Session, document: Document) -> None:
    """Lets a document in again; its source must list it first, and say who may read it."""
    document.state, document.reason = DocumentState.DELETED, None
    session.flush()
