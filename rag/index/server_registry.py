"""Which versions a Qdrant server holds: one record each, in a collection of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from qdrant_client import QdrantClient, models

from rag.errors import IndexCorruptError, IndexStoreError
from rag.index.server_wire import FINISHED_LATER, UNTOUCHED, Wire

FORMAT = 1
_ERASURE = 0  # the id of the record of an erasure; versions are counted from 1
_PAGE = 500


class State(StrEnum):
    """A version can be read while it is sealed, and only then."""

    BUILDING = "building"
    SEALED = "sealed"
    DROPPING = "dropping"


@dataclass(frozen=True, slots=True)
class Record:
    """A version: where its points are, and how many once it is sealed."""

    version: int
    state: State
    collection: str
    dimension: int
    points: int = 0


@dataclass(frozen=True, slots=True)
class Records:
    """All that the registry holds. ``erasing`` are the documents of an erasure that has not ended."""

    by_version: dict[int, Record] = field(default_factory=dict)
    erasing: frozenset[int] = frozenset()

    def all(self, state: State) -> list[Record]:
        """Those of that state, by version."""
        return [self.by_version[version] for version in sorted(self.by_version) if self._is(version, state)]

    def sealed_in(self, collection: str) -> list[int]:
        """The sealed versions whose points are in that collection, ascending."""
        return [record.version for record in self.all(State.SEALED) if record.collection == collection]

    def _is(self, version: int, state: State) -> bool:
        return self.by_version[version].state is state


class Registry:
    """The records. One upsert writes them, so what it says changes at once or not at all."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire, self.name = wire, name

    def read(self, *, patiently: bool) -> Records:
        """Everything; nothing where no version was ever begun. ``patiently`` is how a writer asks.

        Raises ``IndexStoreError`` for records of a newer release, and ``IndexCorruptError`` for those that cannot
        be understood.
        """
        by_version: dict[int, Record] = {}
        erasing: frozenset[int] = frozenset()
        ask = self._wire.ask if patiently else self._wire.read
        for id, payload in ask("reading the list of versions", self._pages):
            self._check_format(payload)
            try:
                if id == _ERASURE:
                    erasing = _documents(payload)
                else:
                    by_version[id] = _record(id, payload)
            except (KeyError, TypeError, ValueError):
                raise IndexCorruptError(
                    f"the record of version {id} cannot be understood",
                    where=f"{self._wire.options.address} {self.name}",
                    next_step="Restore the index from a backup, or run lockgate ingest --rebuild",
                ) from None
        return Records(by_version, erasing)

    def write(self, records: Sequence[Record], *, state: str = UNTOUCHED) -> None:
        """Writes these records, all at once."""
        self._upsert({record.version: _payload(record) for record in records}, state)

    def remove(self, version: int) -> None:
        self._delete(version)

    def begin_erasure(self, documents: Iterable[int]) -> None:
        self._upsert({_ERASURE: {"format": FORMAT, "documents": sorted(documents)}}, FINISHED_LATER)

    def end_erasure(self) -> None:
        self._delete(_ERASURE)

    def _upsert(self, payloads: dict[int, dict[str, object]], state: str) -> None:
        self._wire.ask("creating the list of versions", self._create, state=state)
        points = [models.PointStruct(id=id, vector={}, payload=payload) for id, payload in payloads.items()]
        write = models.UpsertOperation(upsert=models.PointsList(points=points))
        self._wire.update("writing the list of versions", self.name, [write], state=state)

    def _delete(self, id: int) -> None:
        delete = models.DeleteOperation(delete=models.PointIdsList(points=[id]))
        self._wire.update("writing the list of versions", self.name, [delete], state=FINISHED_LATER)

    def _create(self, client: QdrantClient) -> None:
        if not client.collection_exists(self.name):
            options = self._wire.options
            client.create_collection(
                self.name,
                vectors_config={},
                replication_factor=options.replicas,
                write_consistency_factor=options.write_consistency,
            )

    def _pages(self, client: QdrantClient) -> list[tuple[int, dict[str, object]]]:
        if not client.collection_exists(self.name):
            return []
        return list(self._scrolled(client))

    def _scrolled(self, client: QdrantClient) -> Iterator[tuple[int, dict[str, object]]]:
        offset: models.ExtendedPointId | None = None
        while True:
            # By most of the replicas: a reader must not miss a version because one of them lags behind.
            found, offset = client.scroll(
                self.name, limit=_PAGE, offset=offset, consistency=models.ReadConsistencyType.MAJORITY
            )
            yield from ((int(point.id), dict(point.payload or {})) for point in found)
            if offset is None:
                return

    def _check_format(self, payload: dict[str, object]) -> None:
        number = payload.get("format")
        if isinstance(number, int) and number > FORMAT:
            raise IndexStoreError(
                "the index was written by a newer release",
                where=f"{self._wire.options.address} {self.name}",
                state="Nothing was changed",
                next_step="Install that release, or a later one",
            )


def _payload(record: Record) -> dict[str, object]:
    return {
        "format": FORMAT,
        "state": record.state.value,
        "collection": record.collection,
        "dimension": record.dimension,
        "points": record.points,
    }


def _documents(payload: dict[str, object]) -> frozenset[int]:
    documents = payload["documents"]
    if not isinstance(documents, list):
        raise TypeError
    return frozenset(int(document) for document in documents)


def _record(version: int, payload: dict[str, object]) -> Record:
    collection, dimension, points = payload["collection"], payload["dimension"], payload["points"]
    if not isinstance(collection, str) or not isinstance(dimension, int) or not isinstance(points, int):
        raise TypeError
    return Record(version, State(str(payload["state"])), collection, dimension, points)
