"""The chunks of a version as the catalog has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlmodel import col

from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Document, Revision


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with what its index point needs."""

    id: int
    text: str
    """The embedded text: context and passage."""
    text_hash: str
    rule: int
    document: int
    keys: dict[str, str]


def embedded_text(context: str, text: str) -> str:
    """What is embedded and what BM25 sees; the same as ``Chunk.embedded_text``."""
    return f"{context}\n{text}" if context else text


def text_lengths(connection: Connection, version: int, *, above: int) -> dict[str, int]:
    """``{text hash: characters}`` of the chunks alive at ``version`` that came after version ``above``."""
    rows = connection.execute(
        select(
            col(ChunkRow.text_hash),
            func.max(func.length(col(ChunkRow.text)) + func.length(col(ChunkRow.context))),
        )
        .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
        .where(alive_at(version), col(Revision.since) > above)
        .group_by(col(ChunkRow.text_hash))
    )
    return {row[0]: row[1] for row in rows}


def texts_of(connection: Connection, hashes: Sequence[str]) -> dict[str, str]:
    """Embedded texts by hash. At most 500 hashes."""
    rows = connection.execute(
        select(col(ChunkRow.text_hash), col(ChunkRow.context), col(ChunkRow.text)).where(
            col(ChunkRow.text_hash).in_(hashes)
        )
    )
    return {hash: embedded_text(context, text) for hash, context, text in rows}


def chunks_added(connection: Connection, version: int, *, above: int) -> Iterator[StoredChunk]:
    """The chunks alive at ``version`` that came after version ``above``, in order of id."""
    rows = connection.execution_options(yield_per=1000).execute(
        select(
            col(ChunkRow.id),
            col(ChunkRow.context),
            col(ChunkRow.text),
            col(ChunkRow.text_hash),
            col(Revision.indexed_rule_id),
            col(Revision.document_id),
            col(Revision.format),
            col(Document.source),
            col(Document.key),
        )
        .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
        .join(Document, col(Revision.document_id) == col(Document.id))
        .where(alive_at(version), col(Revision.since) > above)
        .order_by(col(ChunkRow.id))
    )
    for id, context, text, hash, rule, document, format, source, key in rows:
        assert id is not None
        yield StoredChunk(
            id=id,
            text=embedded_text(context, text),
            text_hash=hash,
            rule=rule,
            document=document,
            keys={"source": source, "format": format, "document": key},
        )


def chunks_removed(connection: Connection, version: int, *, above: int) -> list[int]:
    """Ids of the chunks that version ``above`` holds and ``version`` does not."""
    rows = connection.scalars(
        select(col(ChunkRow.id))
        .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
        .where(col(Revision.since) <= above, col(Revision.until) > above, col(Revision.until) <= version)
    )
    return [id for id in rows if id is not None]


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """How much a version holds, and a digest of exactly what."""

    documents: int
    chunks: int
    digest: str


def corpus_facts(connection: Connection, version: int) -> CorpusFacts:
    """Counts and SHA-256 over key, content and pipeline of every revision alive at ``version``."""
    digest = hashlib.sha256()
    documents = chunks = 0
    rows = connection.execute(
        select(col(Document.key), col(Revision.content_hash), col(Revision.pipeline), col(Revision.chunks))
        .join(Document, col(Revision.document_id) == col(Document.id))
        .where(alive_at(version))
    )
    # Sorted here: every server sorts text by rules of its own, and the digest must not depend on them.
    for key, content_hash, pipeline, count in sorted(rows, key=lambda row: row[0]):
        digest.update(f"{key}\0{content_hash}\0{pipeline}\n".encode())
        documents += 1
        chunks += count
    return CorpusFacts(documents, chunks, digest.hexdigest())
