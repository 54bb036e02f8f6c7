"""Purging: a document's content removed everywhere, at once for every reader, and for good."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, select
from sqlmodel import Session, col

from rag.catalog import Catalog, note_erased, raise_access_epoch, utcnow
from rag.catalog.revisions import readable
from rag.catalog.tables import Document, DocumentState, Erasure, Version
from rag.embedding import VectorCache
from rag.errors import UnknownDocumentError, UsageError, nearest
from rag.index import IndexStore
from rag.ingestion.corpus import corpus_facts
from rag.maintenance.overwriting import scrub, settle
from rag.maintenance.tombstone import bury, unbury
from rag.maintenance.unused import remove_vectors
from rag.releases import ledger
from rag.releases.ledger import Entry

_BATCH = 500
_MOST_COMPARED = 10_000


def purge(catalog: Catalog, document: str, *, by: str | None) -> bool:
    """Takes the document ``<source>/<id>`` away from every reader and every version, and its text out of the
    catalog, in one transaction. Needs no lock. Returns false, and does nothing, if it is purged already.

    No ingest, rollback or restore brings it back. What index and vector cache hold of it is out of reach from
    now on, and is erased by ``finish_erasures``. Raises ``UnknownDocumentError``.
    """
    now = utcnow()
    with catalog.write() as session:
        row = _known(session, document)
        if row.state == DocumentState.PURGED:
            return False
        row.state, row.reason = DocumentState.PURGED, f"purged on {now:%Y-%m-%d}"
        bury(session, row, at=now)
        raise_access_epoch(session)
        ledger.append(session, Entry("purge", reasons=[row.reason], details={"document": document, "by": by}))
    settle(catalog)
    return True


def undo_purge(catalog: Catalog, document: str, *, by: str | None) -> None:
    """Lets a purged document in again: the next ingest takes it as new, if its source lists it then.

    It brings nothing back. Raises ``UnknownDocumentError``, and ``UsageError`` for one that is not purged or
    that is not erased yet.
    """
    with catalog.write() as session:
        row = _known(session, document)
        if row.state != DocumentState.PURGED:
            raise UsageError(
                f"{document} is not purged", state="Nothing was changed", next_step="See lockgate status"
            )
        if session.get(Erasure, row.id) is not None:
            raise UsageError(
                f"{document} is purged, and not erased from index and vector cache yet",
                state="Nothing was changed",
                next_step=f"Run lockgate purge {document} once more, which finishes it, then try again",
            )
        unbury(session, row)
        ledger.append(session, Entry("unpurge", details={"document": document, "by": by}))


def finish_erasures(
    catalog: Catalog,
    store: IndexStore,
    cache: VectorCache,
    *,
    forget_derived: Callable[[], bool] = lambda: True,
) -> int:
    """Removes what index and vector cache still hold of purged documents; returns how many documents that was.

    When it is done, no byte of them is left in any file of catalog, index and cache. Needs the writer's lock.
    Where a reader keeps old pages of a file for longer than the time it is waited for, nothing is done for
    good: 0 is returned, and the next call does it. So does one after this was killed anywhere.
    ``forget_derived`` removes whatever else was made from texts; false where somebody is in its way.

    Raises ``IndexStoreError`` where a version cannot be rewritten; everything else has been done then.
    """
    with catalog.read() as session:
        documents = list(session.scalars(select(col(Erasure.document_id)).order_by(col(Erasure.document_id))))
    if not documents:
        return 0
    # Every vector without a text goes, not only those of texts that the catalog knew when it was purged: a run
    # that died may have embedded others.
    remove_vectors(catalog, cache)
    _recount(catalog)
    overwritten = cache.scrub() & scrub(catalog) & forget_derived()
    store.erase(documents)
    store.tidy()
    if not overwritten:
        return 0
    with catalog.write() as session:
        for start in range(0, len(documents), _BATCH):
            some = documents[start : start + _BATCH]
            session.execute(delete(Erasure).where(col(Erasure.document_id).in_(some)))
        note_erased(session)
    settle(catalog)
    return len(documents)


def _recount(catalog: Catalog) -> None:
    """Has every version say what it holds now."""
    with catalog.read() as session:
        numbers = session.scalars(select(col(Version.number)).where(readable())).all()
    for number in numbers:
        with catalog.write() as session:
            facts = corpus_facts(session.connection(), number)
            version = session.get_one(Version, number)
            version.documents, version.chunks, version.corpus = facts.documents, facts.chunks, facts.digest


def _known(session: Session, document: str) -> Document:
    row = session.scalar(select(Document).where(col(Document.key) == document))
    if row is not None:
        return row
    source = document.partition("/")[0]
    keys = session.scalars(
        select(col(Document.key)).where(col(Document.source) == source).limit(_MOST_COMPARED)
    )
    guess = nearest(document, keys)
    raise UnknownDocumentError(
        f"unknown document {document!r}" + (f"; did you mean {guess!r}?" if guess else ""),
        state="Nothing was changed",
        next_step="Name it as lockgate search does: <source>/<id>",
    )
