"""The store beyond one machine: a Qdrant server or cluster, one collection a generation, versions inside it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from qdrant_client import QdrantClient, models

from rag.embedding.port import Vectors
from rag.errors import IndexCorruptError, IndexMissingError, IndexStoreError
from rag.index.exact import answer
from rag.index.fusion import Pair
from rag.index.port import IndexQuery, ScoredId, SparseVector
from rag.index.server_builder import ServerBuilder
from rag.index.server_carried import rules_of, vectors_of
from rag.index.server_collection import Collections
from rag.index.server_dump import (
    DumpedCollection,
    DumpedVersion,
    Manifest,
    read_manifest,
    read_part,
    write_manifest,
    write_parts,
)
from rag.index.server_query import SPARSE, chunk_of, in_version, legs
from rag.index.server_registry import Record, Records, Registry, State
from rag.index.server_wire import ServerOptions, Wire

__all__ = ["QdrantServerStore", "ServerOptions", "ServerReader"]

OLDEST_SERVER = (1, 19)
_REBUILD = "Run lockgate ingest --rebuild, or lockgate rollback"
_PART_POINTS = 1000


class QdrantServerStore:
    """Collections whose names begin with ``prefix``, which no other project on the server may have.

    Nothing is asked of the server before the first call. What an erasure deletes can no longer be read by anyone;
    the server frees the bytes when it next optimizes the segment.
    """

    kind: ClassVar[str] = "qdrant"

    def __init__(self, client: QdrantClient, *, prefix: str, options: ServerOptions | None = None) -> None:
        self._options = options or ServerOptions()
        self._prefix = prefix
        self._wire = Wire(client, self._options)
        self._registry = Registry(self._wire, f"{prefix}-versions")
        self._collections = Collections(self._wire)
        self._known_server = False

    def build(self, version: int, *, dimension: int, base: int | None) -> ServerBuilder:
        records = self._finished([])
        if version in records.by_version:
            raise IndexStoreError(f"version {version} is sealed already", where=self._where())
        found = None if base is None else self._base(base, dimension, records)
        latest = records.sealed_in(found.collection)[-1] if found is not None else 0
        if found is not None and found.version == latest < version:
            record = Record(version, State.BUILDING, found.collection, dimension)
            self._registry.write([record])
            # Also where no record tells of it: a write that came late may lie after the base.
            self._collections.leave(found.collection, latest, None)
            return self._builder(record, found.points)
        record = Record(version, State.BUILDING, self._unused(version, records), dimension)
        self._registry.write([record])
        self._collections.delete(record.collection)
        self._collections.create(record.collection, dimension)
        if found is not None:
            # What follows the base in its collection must not be in this version: it gets a collection of its own.
            self._collections.copy(found.collection, found.version, record.collection, version)
        return self._builder(record, 0)

    def open(self, version: int) -> ServerReader:
        self._check_server(patiently=False)
        records = self._registry.read(patiently=False)
        record = self._existing(version, records)
        collection = record.collection
        info = self._wire.read("opening the index", lambda client: client.get_collection(collection))
        if info.status is models.CollectionStatus.RED:
            raise IndexCorruptError(
                f"the server reports the collection of version {version} as damaged",
                where=self._where(collection),
                next_step=_REBUILD,
            )
        points = self._count(record) if records.erasing else record.points
        return ServerReader(self._wire, record, points)

    def verify(self, version: int) -> None:
        records = self._registry.read(patiently=True)
        record = self._existing(version, records)
        self.open(version).close()
        points = self._count(record)
        # While documents are being erased the counts follow; there are never more than there were.
        if points != record.points and not (records.erasing and points < record.points):
            raise IndexCorruptError(
                f"version {version} holds {points} points and was sealed with {record.points}",
                where=self._where(record.collection),
                next_step="Run lockgate ingest --rebuild to build a sound one beside it, or lockgate rollback",
            )

    def sealed(self) -> list[int]:
        return [record.version for record in self._registry.read(patiently=False).all(State.SEALED)]

    def drop(self, version: int) -> None:
        records = self._finished([])
        record = records.by_version.get(version)
        if record is not None:
            self._registry.write([replace(record, state=State.DROPPING)])
            self._finished([])

    def erase(self, documents: Collection[int]) -> None:
        records = self._finished([])
        if documents:
            self._registry.begin_erasure({*documents})
            self._erase(replace(records, erasing=frozenset(documents)))

    def tidy(self) -> list[str]:
        done: list[str] = []
        records = self._finished(done)
        named = {record.collection for record in records.by_version.values()}
        ours = re.compile(re.escape(self._prefix) + r"-g\d+(-\d+)?")
        for name in self._collections.names():
            if ours.fullmatch(name) and name not in named:
                self._collections.delete(name)
                done.append(f"removed the collection {name}, which no version is in")
        return done

    def copy_to(self, folder: Path, versions: Collection[int]) -> None:
        records = self._registry.read(patiently=True)
        wanted = [self._existing(version, records) for version in sorted(versions)]
        folder.mkdir(parents=True, exist_ok=True)
        copied = []
        for number, collection in enumerate(dict.fromkeys(record.collection for record in wanted)):
            inside = [record for record in wanted if record.collection == collection]
            numbers = [record.version for record in inside]
            pages = self._collections.scrolled(collection, numbers, _PART_POINTS)
            copied.append(
                DumpedCollection(
                    dimension=inside[0].dimension,
                    versions=tuple(
                        DumpedVersion(version=record.version, points=self._count(record)) for record in inside
                    ),
                    parts=tuple(write_parts(folder, f"points-{number:03d}", pages, numbers[-1])),
                )
            )
        write_manifest(folder, Manifest(collections=tuple(copied)))

    def load_from(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        if self.sealed():
            raise IndexStoreError(
                "the index holds versions already",
                where=self._where(),
                state="Nothing was changed",
                next_step="Give the restored project a prefix of its own: index.prefix in lockgate.yaml",
            )
        self.tidy()
        loaded = [record for collection in manifest.collections for record in self._load(folder, collection)]
        if loaded:
            self._registry.write(loaded)

    def _load(self, folder: Path, copied: DumpedCollection) -> list[Record]:
        name = f"{self._prefix}-g{copied.versions[0].version}"
        self._collections.create(name, copied.dimension)
        for part in copied.parts:
            points = read_part(folder, part)
            for start in range(0, len(points), self._options.batch_size):
                self._collections.load(name, points[start : start + self._options.batch_size])
        records = [
            Record(each.version, State.SEALED, name, copied.dimension, each.points)
            for each in copied.versions
        ]
        for record in records:
            points_there = self._count(record)
            if points_there != record.points:
                raise IndexCorruptError(
                    f"the copy of version {record.version} holds {points_there} points, not {record.points}",
                    where=str(folder),
                    state="Nothing was brought back from it",
                    next_step="Take another copy",
                )
        return records

    def _finished(self, done: list[str]) -> Records:
        """What the registry says once everything that was left half done is done; ``done`` is told of it.

        So every writer begins. It costs one reading of the registry where nothing was left.
        """
        self._check_server(patiently=True)
        records = self._registry.read(patiently=True)
        left = [*records.all(State.BUILDING), *records.all(State.DROPPING)]
        for record in left:
            self._leave(record, records)
            done.append(f"removed what was left of version {record.version} ({record.state.value})")
        if records.erasing:
            self._erase(records)
            done.append(f"finished erasing {len(records.erasing)} documents")
        return self._registry.read(patiently=True) if left or records.erasing else records

    def _undo(self, version: int) -> None:
        records = self._registry.read(patiently=True)
        record = records.by_version.get(version)
        # A seal whose answer was lost may have been written.
        if record is not None and record.state is State.BUILDING:
            self._leave(record, records)

    def _leave(self, record: Record, records: Records) -> None:
        """Takes the points of a version away that no sealed one shares, then its record."""
        stay = records.sealed_in(record.collection)
        place = bisect_left(stay, record.version)
        if not stay:
            self._collections.delete(record.collection)
        elif self._collections.exists(record.collection):
            before = stay[place - 1] if place else None
            self._collections.leave(record.collection, before, stay[place] if place < len(stay) else None)
        self._registry.remove(record.version)

    def _erase(self, records: Records) -> None:
        sealed = records.all(State.SEALED)
        there = {name for name in {record.collection for record in sealed} if self._collections.exists(name)}
        for name in sorted(there):
            self._collections.erase(name, records.erasing)
        counted = [
            replace(record, points=self._count(record)) for record in sealed if record.collection in there
        ]
        if counted:
            self._registry.write(counted)
        self._registry.end_erasure()

    def _builder(self, record: Record, base_points: int) -> ServerBuilder:
        return ServerBuilder(
            record,
            base_points=base_points,
            collections=self._collections,
            registry=self._registry,
            undo=self._undo,
            options=self._options,
        )

    def _base(self, base: int, dimension: int, records: Records) -> Record:
        record = self._existing(base, records)
        if record.dimension != dimension:
            raise IndexStoreError(
                f"version {base} has vectors of {record.dimension} numbers, not {dimension}",
                where=self._where(record.collection),
                state="Nothing was changed",
                next_step="Run lockgate ingest --rebuild",
            )
        return record

    def _existing(self, version: int, records: Records) -> Record:
        record = records.by_version.get(version)
        sealed = record is not None and record.state is State.SEALED
        if record is None or not sealed or not self._collections.exists(record.collection):
            raise IndexMissingError(
                f"the index of version {version} is not there",
                where=self._where(record.collection if record is not None and sealed else ""),
                state="The catalog still holds all of its text",
                next_step=_REBUILD,
            )
        return record

    def _unused(self, version: int, records: Records) -> str:
        """A name for a new collection. The version's own may be taken: by those that followed a dropped one."""
        named = {record.collection for record in records.by_version.values()}
        name = plain = f"{self._prefix}-g{version}"
        number = 1
        while name in named:
            number += 1
            name = f"{plain}-{number}"
        return name

    def _count(self, record: Record) -> int:
        return self._collections.count(record.collection, in_version(record.version))

    def _check_server(self, *, patiently: bool) -> None:
        """Refuses a server that would not understand all of a query: it leaves out the part that keeps hidden
        text from moving a score, and says nothing."""
        if self._known_server:
            return
        ask = self._wire.ask if patiently else self._wire.read
        release = ask("asking for the server's release", lambda client: client.info().version)
        found = re.match(r"(\d+)\.(\d+)", release)
        if found is None or (int(found[1]), int(found[2])) < OLDEST_SERVER:
            raise IndexStoreError(
                f"the Qdrant server is of release {release[:20]!r}, which cannot weigh words by reader",
                where=self._where(),
                state="Nothing was changed",
                next_step="Install Qdrant {}.{} or later".format(*OLDEST_SERVER),
            )
        self._known_server = True

    def _where(self, collection: str = "") -> str:
        return f"{self._options.address} {collection or self._prefix}".strip()


class ServerReader:
    """A sealed version. Threads may query at the same time."""

    def __init__(self, wire: Wire, record: Record, points: int) -> None:
        self._wire, self._record = wire, record
        self.points = points

    def query(self, query: IndexQuery) -> list[ScoredId]:
        if query.visibility.nothing or not self.points:
            return []
        collection, version = self._record.collection, self._record.version
        points: dict[int, models.ExtendedPointId] = {}

        def ask(query: IndexQuery, lengths: Sequence[int]) -> list[list[Pair]]:
            requests = legs(query, version, self._wire.options.quantization, lengths)
            answers = self._wire.read(
                "searching", lambda client: client.query_batch_points(collection, requests=requests)
            )
            points.update({chunk_of(hit.id): hit.id for each in answers for hit in each.points})
            return [[(chunk_of(hit.id), hit.score) for hit in each.points] for each in answers]

        def terms_of(ids: list[int]) -> dict[int, SparseVector]:
            wanted = [points[id] for id in ids]
            records = self._wire.read(
                "searching",
                lambda client: client.retrieve(collection, wanted, with_payload=False, with_vectors=[SPARSE]),
            )
            return dict(_terms(record) for record in records)

        return answer(query, ask, terms_of)

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        return rules_of(self._wire, self._record.collection, self._record.version, documents)

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        return vectors_of(self._wire, self._record.collection, self._record.version, documents)

    def close(self) -> None:
        """The client is the store's, and stays open."""


def _terms(record: models.Record) -> tuple[int, SparseVector]:
    vector = record.vector.get(SPARSE) if isinstance(record.vector, dict) else None
    if not isinstance(vector, models.SparseVector):
        vector = models.SparseVector(indices=[], values=[])
    return chunk_of(record.id), SparseVector(tuple(vector.indices), tuple(vector.values))
