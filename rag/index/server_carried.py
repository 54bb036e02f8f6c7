"""What the points of a version carry on a Qdrant server: their access rules, their vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from qdrant_client import QdrantClient, models

from rag.embedding.port import Vectors
from rag.errors import IndexCorruptError
from rag.index.server_query import DENSE, among, chunk_of, in_version
from rag.index.server_wire import Wire

_PAGE = 1000
_TERMS = 1000  # of one filter
_Page = tuple[list[models.Record], models.ExtendedPointId | None]


def rules_of(
    wire: Wire, collection: str, version: int, documents: Collection[int]
) -> dict[int, frozenset[int]]:
    """See ``IndexReader.rules_of``. Raises ``IndexCorruptError`` for a point that carries none."""
    found: dict[int, set[int]] = {}
    ordered = sorted(documents)
    for start in range(0, len(ordered), _TERMS):
        some = in_version(version, among("document_id", ordered[start : start + _TERMS]))
        for record in _scrolled(wire, collection, some, payload=["rule", "document_id"]):
            payload = record.payload or {}
            if not isinstance(payload.get("rule"), int):
                raise IndexCorruptError(
                    f"point {record.id} of version {version} carries no rule",
                    where=f"{wire.options.address} {collection}".strip(),
                )
            found.setdefault(int(payload["document_id"]), set()).add(payload["rule"])
    return {document: frozenset(rules) for document, rules in found.items()}


def vectors_of(wire: Wire, collection: str, version: int, documents: Collection[int]) -> dict[int, Vectors]:
    """See ``IndexReader.vectors_of``. Raises ``IndexCorruptError`` for a point without one."""
    found: dict[int, Vectors] = {}
    ordered = sorted(documents)
    for start in range(0, len(ordered), _TERMS):
        some = in_version(version, among("document_id", ordered[start : start + _TERMS]))
        for record in _scrolled(wire, collection, some, vectors=[DENSE]):
            vector = record.vector.get(DENSE) if isinstance(record.vector, dict) else None
            if not isinstance(vector, list):
                raise IndexCorruptError(
                    f"point {record.id} of version {version} has no vector",
                    where=f"{wire.options.address} {collection}".strip(),
                )
            found[chunk_of(record.id)] = np.asarray(vector, dtype=np.float32)
    return found


def _scrolled(
    wire: Wire,
    collection: str,
    some: models.Filter,
    *,
    payload: Sequence[str] = (),
    vectors: Sequence[str] = (),
) -> Iterator[models.Record]:
    offset: models.ExtendedPointId | None = None
    while True:

        def scroll(client: QdrantClient, start: models.ExtendedPointId | None = offset) -> _Page:
            return client.scroll(
                collection,
                some,
                limit=_PAGE,
                offset=start,
                with_payload=list(payload) or False,
                with_vectors=list(vectors) or False,
            )

        records, offset = wire.read("reading points", scroll)
        yield from records
        if offset is None:
            return
