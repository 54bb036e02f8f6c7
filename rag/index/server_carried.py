"""Which access rules the points of a version carry on a Qdrant server."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from qdrant_client import QdrantClient, models

from rag.errors import IndexCorruptError
from rag.index.server_query import among, in_version
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
        for record in _scrolled(wire, collection, some):
            payload = record.payload or {}
            if not isinstance(payload.get("rule"), int):
                raise IndexCorruptError(
                    f"point {record.id} of version {version} carries no rule",
                    where=f"{wire.options.address} {collection}".strip(),
                )
            found.setdefault(int(payload["document_id"]), set()).add(payload["rule"])
    return {document: frozenset(rules) for document, rules in found.items()}


def _scrolled(wire: Wire, collection: str, some: models.Filter) -> Iterator[models.Record]:
    offset: models.ExtendedPointId | None = None
    while True:

        def scroll(client: QdrantClient, start: models.ExtendedPointId | None = offset) -> _Page:
            return client.scroll(
                collection,
                some,
                limit=_PAGE,
                offset=start,
                with_payload=["rule", "document_id"],
                with_vectors=False,
            )

        records, offset = wire.read("reading the rules of points", scroll)
        yield from records
        if offset is None:
            return
