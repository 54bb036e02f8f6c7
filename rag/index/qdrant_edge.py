"""The embedded store: Qdrant's own engine in this process, one directory a version."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import qdrant_edge as edge

from rag.errors import IndexCorruptError, IndexMissingError, IndexStoreError
from rag.index import seal
from rag.index.edge_query import DENSE, SPARSE, legs, sparse_vector
from rag.index.fusion import ranked, reciprocal_ranks
from rag.index.port import IndexPoint, IndexQuery, ScoredId

_UPSERT_BATCH = 1000
_INTEGER_KEYS = ("rule", "document_id")
_KEYWORD_KEYS = ("source", "format", "document")


class EdgeStore:
    """Versions under ``root``: ``00000007`` is sealed and never changes; ``.building-00000008`` is not yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def build(self, version: int, *, dimension: int, base: int | None) -> EdgeBuilder:
        self.root.mkdir(parents=True, exist_ok=True)
        for left in self.root.glob(".building-*"):
            shutil.rmtree(left)
        building, final = self.root / f".building-{version:08d}", self._directory(version)
        if final.exists():
            raise IndexStoreError(f"version {version} is sealed already", where=str(final))
        if base is None:
            return EdgeBuilder(building, final, _create(building, dimension))
        seal.check_seal(self._existing(base), contents=False)
        _clone(self._existing(base), building)
        (building / seal.NAME).unlink()
        return EdgeBuilder(building, final, _load(building))

    def open(self, version: int) -> EdgeReader:
        directory = self._existing(version)
        facts = seal.check_seal(directory, contents=False)
        shard = _load(directory)
        points = shard.info().points_count
        if points != facts.get("points"):
            shard.close()
            raise IndexCorruptError(
                f"version {version} holds {points} points and was sealed with {facts.get('points')}",
                where=str(directory),
                next_step="Run lockgate ingest --rebuild to build a sound one beside it, or lockgate rollback",
            )
        return EdgeReader(shard, points)

    def verify(self, version: int) -> None:
        seal.check_seal(self._existing(version), contents=True)
        self.open(version).close()

    def sealed(self) -> list[int]:
        if not self.root.is_dir():
            return []
        return sorted(int(path.name) for path in self.root.iterdir() if path.name.isdigit() and path.is_dir())

    def drop(self, version: int) -> None:
        directory = self._directory(version)
        if not directory.exists():
            return
        # Renamed first, so that a removal cut short leaves no half version under a version's name.
        doomed = self.root / f".building-{version:08d}"
        os.rename(directory, doomed)
        shutil.rmtree(doomed)

    def _directory(self, version: int) -> Path:
        return self.root / f"{version:08d}"

    def _existing(self, version: int) -> Path:
        directory = self._directory(version)
        if not directory.is_dir():
            raise IndexMissingError(
                f"the index of version {version} is not there",
                where=str(directory),
                state="The catalog still holds all of its text",
                next_step="Run lockgate ingest --rebuild, or lockgate rollback",
            )
        return directory


class EdgeBuilder:
    """One version on its way to being sealed."""

    def __init__(self, building: Path, final: Path, shard: edge.EdgeShard) -> None:
        self._building, self._final, self._shard = building, final, shard
        self._done = False

    def delete(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _UPSERT_BATCH):
            with _told(self._building):
                self._shard.update(
                    edge.UpdateOperation.delete_points(list(ids[start : start + _UPSERT_BATCH]))
                )

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        waiting = iter(points)
        while batch := [_point(point) for point in islice(waiting, _UPSERT_BATCH)]:
            with _told(self._building):
                self._shard.update(edge.UpdateOperation.upsert_points(batch))

    def seal(self, *, expected_points: int) -> None:
        with _told(self._building):
            self._shard.optimize()
            self._shard.flush()
            self._shard.close()
        # Opened once more: the engine settles its files at the first opening, and what is sealed is then
        # known to open and to hold what it should.
        settled = _load(self._building)
        points = settled.info().points_count
        settled.close()
        if points != expected_points:
            raise IndexStoreError(
                f"the index holds {points} points where the catalog has {expected_points} chunks",
                where=str(self._building),
                state="Nothing was sealed; the promoted version is untouched",
                next_step="Run lockgate ingest --rebuild",
            )
        seal.write_seal(self._building, points=points)
        os.rename(self._building, self._final)
        seal.sync_directory(self._final.parent)
        self._done = True

    def abandon(self) -> None:
        if not self._done:
            self._shard.close()
            shutil.rmtree(self._building, ignore_errors=True)
            self._done = True


class EdgeReader:
    """A sealed version. The engine lets threads query at the same time."""

    def __init__(self, shard: edge.EdgeShard, points: int) -> None:
        self._shard = shard
        self.points = points

    def query(self, query: IndexQuery) -> list[ScoredId]:
        if query.visibility.nothing or not self.points:
            return []
        with _told(None):
            answers = self._shard.query_batch(edge.QueryBatchRequest(legs(query)))
        found = [[(int(hit.id), hit.score) for hit in answer] for answer in answers]
        if len(found) == 1:
            return ranked(found[0], query.limit)
        return reciprocal_ranks(found, k=query.rrf_k, limit=query.limit)

    def close(self) -> None:
        self._shard.close()


def _create(directory: Path, dimension: int) -> edge.EdgeShard:
    with _told(directory):
        directory.mkdir()
        shard = edge.EdgeShard.create(
            str(directory),
            edge.EdgeConfig(
                vectors={DENSE: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Dot)},
                sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
                # Without a write-ahead log several processes may open the same directory. What it would
                # protect is never read before it is sealed.
                wal_enabled=False,
            ),
        )
        for key in _INTEGER_KEYS:
            shard.update(edge.UpdateOperation.create_field_index(key, edge.PayloadSchemaType.Integer))
        for key in _KEYWORD_KEYS:
            shard.update(edge.UpdateOperation.create_field_index(key, edge.PayloadSchemaType.Keyword))
    return shard


def _load(directory: Path) -> edge.EdgeShard:
    with _told(directory):
        return edge.EdgeShard.load(str(directory))


def _point(point: IndexPoint) -> edge.Point:
    return edge.Point(
        id=point.id,
        vector={DENSE: point.dense.tolist(), SPARSE: sparse_vector(point.sparse)},
        payload={"rule": point.rule, "document_id": point.document, **point.keys},
    )


def _clone(source: Path, target: Path) -> None:
    """Copies a directory; shares its blocks where the file system can, and keeps holes as holes."""
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", "--sparse=always", str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(target, ignore_errors=True)
        raise IndexStoreError(
            f"the last version could not be copied: {done.stderr.strip().splitlines()[-1:]}",
            where=str(source),
            state="Nothing was sealed; the promoted version is untouched",
            next_step="See that the disk has room, then run lockgate ingest again",
        )


@contextmanager
def _told(directory: Path | None) -> Iterator[None]:
    """Turns the engine's exceptions, and its panics, into ours."""
    try:
        yield
    except OSError as error:
        raise IndexStoreError(
            f"the index cannot be written ({error.strerror})", where=str(directory)
        ) from error
    except BaseException as error:
        # The engine raises bare Exception, and pyo3's PanicException, which is a BaseException.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise IndexStoreError(f"the engine failed: {error}", where=str(directory or "")) from error
