"""The collections of a Qdrant server store: the points of many versions, each with its ``since`` and ``until``.

``since`` is the first version that a point belongs to, ``until`` the first that it no longer belongs to; a point
that lasts has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from qdrant_client import QdrantClient, models

from rag.index.port import IndexPoint
from rag.index.server_query import (
    DENSE,
    SPARSE,
    above,
    among,
    at_most,
    chunk_of,
    equal,
    having,
    in_version,
    point_id,
    sparse_vector,
)
from rag.index.server_wire import FINISHED_LATER, Wire

_NUMBERS = ("since", "until", "rule", "document_id", "chunk")
_KEYWORDS = ("source", "format", "document")
_TERMS = 1000  # of one filter


_Page = tuple[list[models.Record], models.ExtendedPointId | None]


class Collections:
    """What is done with a collection, by its name."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def names(self) -> list[str]:
        found = self._wire.ask("listing the collections", lambda client: client.get_collections())
        return [collection.name for collection in found.collections]

    def exists(self, name: str) -> bool:
        return self._wire.ask("looking for a collection", lambda client: client.collection_exists(name))

    def create(self, name: str, dimension: int) -> None:
        """A new, empty collection with an index for every key that is filtered by."""

        def action(client: QdrantClient) -> None:
            # Looked for each time: an attempt whose answer was lost may have made it.
            if not client.collection_exists(name):
                self._create(client, name, dimension)
            whole = models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=True)
            for key in _NUMBERS:
                client.create_payload_index(name, key, whole, wait=True)
            for key in _KEYWORDS:
                client.create_payload_index(name, key, models.PayloadSchemaType.KEYWORD, wait=True)

        self._wire.ask("creating a collection", action)

    def delete(self, name: str) -> None:
        """One that is not there is no error."""

        def action(client: QdrantClient) -> None:
            if client.collection_exists(name):
                client.delete_collection(name)

        self._wire.ask("deleting a collection", action, state=FINISHED_LATER)

    def count(self, name: str, some: models.Filter) -> int:
        """Exactly how many points there are like that."""
        answer = self._wire.ask("counting points", lambda client: client.count(name, some, exact=True))
        return answer.count

    def write(self, name: str, version: int, points: Sequence[IndexPoint], *, follows: bool) -> None:
        """Writes one batch. What an earlier version holds of the same chunks ends with ``version``; where it
        ``follows`` none, there is nothing to end."""
        chunks = [point.id for point in points]
        write = models.UpsertOperation(
            upsert=models.PointsList(points=[stored(point, since=version) for point in points])
        )
        ending = [_ending(version, among("chunk", chunks))] if follows else []
        self._wire.update("writing points", name, [*ending, write])

    def load(self, name: str, points: Sequence[models.PointStruct]) -> None:
        """Writes one batch as it is."""
        write = models.UpsertOperation(upsert=models.PointsList(points=list(points)))
        self._wire.update("writing points", name, [write])

    def copy(self, name: str, version: int, target: str, since: int) -> None:
        """Writes the points of ``version`` into another collection, where they begin with ``since``."""
        for page in self.scrolled(name, [version], self._wire.options.batch_size):
            self.load(target, [_moved(record, since) for record in page])

    def end(self, name: str, version: int, key: str, values: Collection[int]) -> None:
        """Takes the points whose ``key`` has one of these values out of ``version``, and out of no other."""
        ordered = sorted(values)
        for start in range(0, len(ordered), _TERMS):
            some = among(key, ordered[start : start + _TERMS])
            own = _deletion(some, equal("since", version))
            self._wire.update("taking points out", name, [own, _ending(version, some)])

    def erase(self, name: str, documents: Collection[int]) -> None:
        """Deletes every point of these documents, whatever versions it belongs to."""
        ordered = sorted(documents)
        for start in range(0, len(ordered), _TERMS):
            delete = _deletion(among("document_id", ordered[start : start + _TERMS]))
            self._wire.update("erasing documents", name, [delete], state=FINISHED_LATER)

    def leave(self, name: str, before: int | None, after: int | None) -> None:
        """Deletes what belongs only to versions between two neighbours that stay, which lose nothing.

        ``before`` or ``after`` is ``None`` where no version stays on that side; at least one does. With none
        ``after``, what those versions ended is taken to last again.
        """
        if after is None:
            assert before is not None, "a collection without a version is deleted as a whole"
            lasting = models.DeletePayloadOperation(
                delete_payload=models.DeletePayload(keys=["until"], filter=having(above("until", before)))
            )
            operations: list[models.UpdateOperation] = [_deletion(above("since", before)), lasting]
        elif before is None:
            operations = [_deletion(at_most("until", after))]
        else:
            operations = [_deletion(above("since", before), at_most("until", after))]
        self._wire.update("taking a version away", name, operations, state=FINISHED_LATER)

    def scrolled(self, name: str, versions: Collection[int], page: int) -> Iterator[list[models.Record]]:
        """Every point of any of these versions, with vectors and payload, in the order of ids."""
        belonging = models.Filter(should=[in_version(version) for version in versions])
        offset: models.ExtendedPointId | None = None
        while True:

            def scroll(client: QdrantClient, start: models.ExtendedPointId | None = offset) -> _Page:
                return client.scroll(
                    name, belonging, limit=page, offset=start, with_payload=True, with_vectors=True
                )

            found, offset = self._wire.ask("reading points", scroll, state="Nothing was changed")
            if found:
                yield found
            if offset is None:
                return

    def _create(self, client: QdrantClient, name: str, dimension: int) -> None:
        options = self._wire.options
        client.create_collection(
            name,
            vectors_config={
                DENSE: models.VectorParams(
                    size=dimension, distance=models.Distance.DOT, on_disk=options.on_disk or None
                )
            },
            sparse_vectors_config={
                SPARSE: models.SparseVectorParams(
                    modifier=models.Modifier.IDF,
                    index=models.SparseIndexParams(on_disk=True) if options.on_disk else None,
                )
            },
            shard_number=options.shards,
            replication_factor=options.replicas,
            write_consistency_factor=options.write_consistency,
            quantization_config=_quantized(self._wire),
        )


def stored(point: IndexPoint, *, since: int, until: int | None = None) -> models.PointStruct:
    """A chunk as the server holds it."""
    payload = {
        "chunk": point.id,
        "rule": point.rule,
        "document_id": point.document,
        "since": since,
        **({} if until is None else {"until": until}),
        **point.keys,
    }
    return models.PointStruct(
        id=point_id(point.id, since),
        vector={DENSE: point.dense.tolist(), SPARSE: sparse_vector(point.sparse)},
        payload=payload,
    )


def _moved(record: models.Record, since: int) -> models.PointStruct:
    payload = {**(record.payload or {}), "since": since}
    payload.pop("until", None)
    return models.PointStruct(
        id=point_id(chunk_of(record.id), since), vector=record.vector or {}, payload=payload
    )


def _ending(version: int, some: models.Condition) -> models.SetPayloadOperation:
    ended = models.SetPayload(payload={"until": version}, filter=in_version(version - 1, some))
    return models.SetPayloadOperation(set_payload=ended)


def _deletion(*conditions: models.Condition) -> models.DeleteOperation:
    return models.DeleteOperation(delete=models.FilterSelector(filter=having(*conditions)))


def _quantized(wire: Wire) -> models.ScalarQuantization | models.BinaryQuantization | None:
    match wire.options.quantization:
        case "scalar":
            small = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            return models.ScalarQuantization(scalar=small)
        case "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        case _:
            return None
