"""One batch of documents: fetched, parsed, chunked, written to the catalog."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from sqlalchemy import insert, select
from sqlmodel import Session, col

from rag.catalog import Catalog, note_rules, rule_id, utcnow
from rag.catalog.revisions import close_revisions, next_version, open_revision
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision
from rag.chunking import Chunk
from rag.embedding import text_hash
from rag.errors import ParseError, SourceError, TransientError
from rag.ingestion.counts import DocumentCounts
from rag.ingestion.port import DocumentSource, Listed
from rag.ingestion.rules import Defaults
from rag.parsing import ParsedDocument


class DocumentParser(Protocol):
    """Bytes to elements. Raises ``ParseError`` with a reason that a person understands."""

    def parse(self, name: str, data: bytes) -> ParsedDocument: ...


class DocumentChunker(Protocol):
    """Elements to chunks."""

    def chunk(self, document: ParsedDocument, *, title: str) -> list[Chunk]: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A document ready to be written: its content, or the reason why it is kept out."""

    entry: Listed
    content_hash: str | None = None
    title: str = ""
    format: str = ""
    chunks: Sequence[Chunk] = ()
    reason: str | None = None
    """Why it is kept out; its chunks are then empty."""
    unread: bool = False
    """The source would not give it just now; to be tried again by the next run."""


@dataclass
class BatchResult:
    """What became of one batch."""

    counts: DocumentCounts = field(default_factory=DocumentCounts)
    chunks: int = 0


def process_batch(
    catalog: Catalog,
    source: str,
    connector: DocumentSource,
    batch: Sequence[Listed],
    *,
    parser: DocumentParser,
    chunker: DocumentChunker,
    defaults: Defaults,
    pipeline: str,
) -> BatchResult:
    """Processes the documents of ``batch``; all of it is written, or, where this raises, nothing.

    A document that cannot be parsed is quarantined with its reason. Content that is the same as before is
    neither parsed nor written again. Raises ``TransientError`` where the source does not answer just now.
    """
    known = _known_contents(catalog, [f"{source}/{entry.id}" for entry in batch], pipeline)
    kept = [
        _prepare(source, connector, entry, known.get(f"{source}/{entry.id}"), parser, chunker)
        for entry in batch
    ]
    result = BatchResult()
    with catalog.write() as session:
        version = next_version(session)
        for each in kept:
            _write(session, source, each, defaults, pipeline, version, result)
    return result


def _prepare(
    source: str,
    connector: DocumentSource,
    entry: Listed,
    known_hash: str | None,
    parser: DocumentParser,
    chunker: DocumentChunker,
) -> Kept:
    try:
        content = connector.fetch(entry.id)
    except TransientError:
        raise
    except SourceError as error:
        return Kept(entry, reason=f"it could not be read: {error.what}", unread=True)
    digest = hashlib.sha256(f"{entry.title or ''}\0{content.name}\0".encode())
    digest.update(content.data)
    content_hash = digest.hexdigest()
    if content_hash == known_hash:
        return Kept(entry, content_hash)
    suffix = PurePosixPath(content.name).suffix.removeprefix(".").lower()
    try:
        parsed = parser.parse(content.name, content.data)
    except ParseError as error:
        return Kept(entry, content_hash, format=suffix, reason=error.what)
    title = entry.title or parsed.title or PurePosixPath(entry.id).stem.replace("-", " ").replace("_", " ")
    chunks = chunker.chunk(parsed, title=title)
    if not chunks:
        return Kept(entry, content_hash, format=suffix, reason="no text was found in it")
    return Kept(entry, content_hash, title, suffix, chunks)


def _write(
    session: Session,
    source: str,
    kept: Kept,
    defaults: Defaults,
    pipeline: str,
    version: int,
    result: BatchResult,
) -> None:
    entry, counts = kept.entry, result.counts
    key = f"{source}/{entry.id}"
    document = session.scalar(select(Document).where(col(Document.key) == key))
    if document is not None and document.state == DocumentState.PURGED:
        counts.quarantined += 1  # purged between the listing and now: it does not come back
        return
    is_new = document is None or document.state == DocumentState.DELETED
    if document is not None and kept.unread and document.state == DocumentState.ACTIVE:
        counts.unchanged += 1  # what was indexed stays until the source gives the new content
        return
    if document is None:
        document = Document(
            key=key,
            source=source,
            external_id=entry.id,
            state=DocumentState.ACTIVE,
            fingerprint="",
            pipeline="",
        )
        # The rule of one that was known when it was listed has been applied since, and perhaps changed again.
        rule = defaults.rule_of(entry)
        document.rule_id = rule_id(session, rule) if rule is not None else None
        session.add(document)
        session.flush()
        assert document.id is not None
        note_rules(session, {document.id: document.rule_id})
    was_quarantined = document.state == DocumentState.QUARANTINED and not is_new
    document.fingerprint, document.pipeline = ("", "") if kept.unread else (entry.fingerprint, pipeline)
    document.uri, document.reason, document.processed_at = entry.uri, kept.reason, utcnow()
    document.state = DocumentState.QUARANTINED if kept.reason else DocumentState.ACTIVE
    session.flush()
    assert document.id is not None
    if kept.reason:
        close_revisions(session, [document.id], version)
        counts.quarantined += 1
        return
    current = open_revision(session, document.id)
    if not kept.chunks:
        assert current is not None
        current.modified_at = entry.modified_at
        counts.unchanged += 1
        return
    if is_new or was_quarantined:
        counts.added += 1
    else:
        counts.changed += 1
    close_revisions(session, [document.id], version)
    _add_revision(session, document, kept, pipeline, version)
    result.chunks += len(kept.chunks)


def _add_revision(session: Session, document: Document, kept: Kept, pipeline: str, version: int) -> None:
    assert document.id is not None
    assert document.rule_id is not None
    assert kept.content_hash is not None
    revision = Revision(
        document_id=document.id,
        content_hash=kept.content_hash,
        pipeline=pipeline,
        title=kept.title,
        format=kept.format,
        modified_at=kept.entry.modified_at,
        indexed_rule_id=document.rule_id,
        since=version,
        chunks=len(kept.chunks),
    )
    session.add(revision)
    session.flush()
    session.execute(
        insert(ChunkRow),
        [
            {
                "revision_id": revision.id,
                "ordinal": chunk.ordinal,
                "text": chunk.text,
                "context": chunk.context,
                "heading_path": list(chunk.heading_path),
                "page": chunk.page,
                "start": chunk.start,
                "end": chunk.end,
                "text_hash": text_hash(chunk.embedded_text),
            }
            for chunk in kept.chunks
        ],
    )


def _known_contents(catalog: Catalog, keys: Sequence[str], pipeline: str) -> dict[str, str]:
    """``{document key: content hash}`` of those whose lasting revision came through this very pipeline."""
    with catalog.read() as session:
        rows = session.execute(
            select(col(Document.key), col(Revision.content_hash))
            .join(Revision, col(Revision.document_id) == col(Document.id))
            .where(
                col(Document.key).in_(keys),
                col(Revision.until).is_(None),
                col(Revision.pipeline) == pipeline,
            )
        )
        return {row[0]: row[1] for row in rows}
