"""Whether the vectors of a version's points are those of their texts.

Ranks alone show that late: the words of a passage find it although its vector is another's.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Row, select
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision
from rag.embedding import Embedder, VectorCache, Vectors
from rag.index import IndexReader
from rag.ingestion.corpus import texts_of

SAMPLE = 300
"""Passages looked at. If one in a hundred were wrong, 95 % of such samples would hold one of them."""
LIKE = 0.99
"""The cosine from which on two vectors are of one text: a store may round them, and another library's last bits
differ."""
_MOST_HASHES = 500


@dataclass(frozen=True, slots=True)
class VectorAudit:
    """How many passages were looked at, and the documents of those whose vector is another's, or is not there."""

    looked: int
    wrong: tuple[str, ...]


def audit_vectors(
    catalog: Catalog,
    reader: IndexReader,
    version: int,
    *,
    embedder: Embedder,
    cache: VectorCache,
    sample: int = SAMPLE,
    seed: int = 0,
) -> VectorAudit:
    """Compares at least ``sample`` passages of ``version``, if it has as many, of documents drawn by ``seed``.

    ``embedder`` and ``cache`` are those of its generation; what the cache does not hold is embedded. The reader's
    errors go through.
    """
    with catalog.connect() as connection:
        documents: list[int] = list(
            connection.scalars(
                select(col(Revision.document_id))
                .join(Document, col(Revision.document_id) == col(Document.id))
                .where(
                    alive_at(version), col(Document.state) != DocumentState.PURGED, col(Revision.chunks) > 0
                )
                .order_by(col(Revision.document_id))
            )
        )
        random.Random(seed).shuffle(documents)
        rows: list[Row[tuple[int | None, str, str]]] = []
        looked_at: list[int] = []
        for document in documents:
            if len(rows) >= sample:
                break
            looked_at.append(document)
            rows += connection.execute(
                select(col(ChunkRow.id), col(ChunkRow.text_hash), col(Document.key))
                .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
                .join(Document, col(Revision.document_id) == col(Document.id))
                .where(alive_at(version), col(Document.id) == document)
            ).all()
    held = reader.vectors_of(looked_at)
    wanted = _vectors(catalog, {hash for _, hash, _ in rows}, embedder, cache)
    wrong = [key for id, hash, key in rows if hash in wanted and not _alike(held.get(id or 0), wanted[hash])]
    return VectorAudit(len(rows), tuple(dict.fromkeys(wrong)))


def _alike(held: Vectors | None, wanted: Vectors) -> bool:
    if held is None or held.shape != wanted.shape:
        return False
    length = float(np.linalg.norm(held) * np.linalg.norm(wanted))
    return length > 0 and float(held @ wanted) / length >= LIKE


def _vectors(
    catalog: Catalog, hashes: Iterable[str], embedder: Embedder, cache: VectorCache
) -> dict[str, Vectors]:
    """By text hash; of what was purged in the meantime there is neither a vector nor a text."""
    missing = cache.missing(hashes)
    absent = set(missing)
    found = cache.get([hash for hash in hashes if hash not in absent])
    for start in range(0, len(missing), _MOST_HASHES):
        with catalog.connect() as connection:
            texts = texts_of(connection, missing[start : start + _MOST_HASHES])
        vectors = embedder.embed_documents(list(texts.values()))
        found |= dict(zip(texts, vectors, strict=True))
    return found
