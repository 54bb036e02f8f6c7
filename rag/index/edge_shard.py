"""The engine's shard: making, opening, rewriting and finishing one directory of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from rag.embedding.port import Vectors
from rag.errors import IndexCorruptError, IndexStoreError
from rag.index import edge_space, seal
from rag.index.edge_query import DENSE, SPARSE, sparse_vector
from rag.index.edge_space import Task
from rag.index.port import FILTER_KEYS, IndexPoint, SparseVector

BATCH = 1000
_INTEGER_KEYS = ("rule", "document_id")
_KEYWORD_KEYS = FILTER_KEYS


def create(directory: Path, dimension: int, task: Task) -> edge.EdgeShard:
    task.require(0)
    with told(directory, task):
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


def load(directory: Path, task: Task | None = None) -> edge.EdgeShard:
    with told(directory, task):
        return edge.EdgeShard.load(str(directory))


def open_sealed(directory: Path) -> tuple[edge.EdgeShard, dict[str, Any]]:
    """A sealed directory and its facts. Raises ``IndexCorruptError`` if it does not hold what its seal says."""
    facts = seal.check_seal(directory, contents=False)
    shard = load(directory, edge_space.opening(directory))
    points = shard.info().points_count
    if points != facts.get("points"):
        close(shard)
        version = int(directory.name.partition(".")[0])
        raise IndexCorruptError(
            f"version {version} holds {points} points and was sealed with {facts.get('points')}",
            where=str(directory),
            next_step="Run lockgate ingest --rebuild to build a sound one beside it, or lockgate rollback",
        )
    return shard, facts


def upsert(
    shard: edge.EdgeShard, directory: Path, points: Iterable[IndexPoint], task: Task
) -> Iterator[set[int]]:
    """Writes the points, a batch a step; yields the documents of those that the batch replaces, just before."""
    waiting = iter(points)
    while batch := list(islice(waiting, BATCH)):
        task.require(edge_space.optimising(directory, edge_space.of_points(batch)))
        with told(directory, task):
            replaced = documents_of(shard, [point.id for point in batch])
        yield replaced
        with told(directory, task):
            shard.update(edge.UpdateOperation.upsert_points([_point(point) for point in batch]))


def documents_of(shard: edge.EdgeShard, ids: Sequence[int]) -> set[int]:
    """The documents of those of these points that are there."""
    found = shard.retrieve(list(ids), True, False)
    return {int(record.payload["document_id"]) for record in found if record.payload}


def terms_of(shard: edge.EdgeShard, ids: Sequence[int]) -> dict[int, SparseVector]:
    """The words of those of these points that are there."""
    found = {}
    for record in shard.retrieve(list(ids), False, [SPARSE]):
        vector = record.vector.get(SPARSE) if isinstance(record.vector, dict) else None
        if isinstance(vector, edge.SparseVector):
            found[int(str(record.id))] = SparseVector(tuple(vector.indices), tuple(vector.values))
    return found


def of_documents(documents: Collection[int]) -> edge.Filter:
    return edge.Filter(must=[edge.FieldCondition(key="document_id", match=edge.MatchAny(sorted(documents)))])


def rewrite(
    shard: edge.EdgeShard, source: Path, target: Path, without: Collection[int], task: Task
) -> edge.EdgeShard:
    """A new shard in ``target`` that never held a point of the documents ``without``.

    The engine only marks points as deleted; their bytes stay in its files until it rewrites those of itself.
    """
    fresh = create(target, _dimension(source), task)
    try:
        for _ in upsert(fresh, target, _points(shard, source, without), task):
            pass
    except BaseException:
        close(fresh)
        raise
    return fresh


def finish(shard: edge.EdgeShard, directory: Path, task: Task) -> int:
    """Optimises, makes durable and closes; the number of points that it then opens with."""
    task.require(edge_space.optimising(directory))
    with told(directory, task):
        shard.optimize()
        shard.flush()
        shard.close()
    # Opened once more: the engine settles its files at the first opening, and what is sealed is then
    # known to open and to hold what it should.
    settled = load(directory, task)
    points = settled.info().points_count
    settled.close()
    return points


def close(shard: edge.EdgeShard) -> None:
    """Closes what is thrown away; it need not be in order any more."""
    with suppress(IndexStoreError), told(None):
        shard.close()


def rules_of(shard: edge.EdgeShard, documents: Collection[int]) -> dict[int, frozenset[int]]:
    """See ``IndexReader.rules_of``. Raises ``IndexCorruptError`` for a point that carries none."""
    found: dict[int, set[int]] = {}
    ordered = sorted(documents)
    for start in range(0, len(ordered), BATCH):
        some = of_documents(ordered[start : start + BATCH])
        for record in _scrolled(shard, None, some, with_vector=False):
            payload = record.payload or {}
            if not isinstance(payload.get("rule"), int):
                raise IndexCorruptError(f"point {record.id} carries no rule")
            found.setdefault(int(payload["document_id"]), set()).add(payload["rule"])
    return {document: frozenset(rules) for document, rules in found.items()}


def vectors_of(shard: edge.EdgeShard, documents: Collection[int]) -> dict[int, Vectors]:
    """See ``IndexReader.vectors_of``. Raises ``IndexCorruptError`` for a point without one."""
    ordered = sorted(documents)
    return {
        point.id: point.dense
        for start in range(0, len(ordered), BATCH)
        for record in _scrolled(shard, None, of_documents(ordered[start : start + BATCH]), with_vector=True)
        for point in (_read(record, Path()),)
    }


def _points(shard: edge.EdgeShard, source: Path, without: Collection[int]) -> Iterator[IndexPoint]:
    """Every point but those of the documents ``without``, by id."""
    kept = edge.Filter(must_not=[of_documents(without)]) if without else None
    for record in _scrolled(shard, source, kept, with_vector=True):
        yield _read(record, source)


def _scrolled(
    shard: edge.EdgeShard, source: Path | None, some: edge.Filter | None, *, with_vector: bool
) -> Iterator[edge.Record]:
    offset = None
    while True:
        request = edge.ScrollRequest(
            limit=BATCH, offset=offset, filter=some, with_payload=True, with_vector=with_vector
        )
        with told(source):
            records, offset = shard.scroll(request)
        yield from records
        if offset is None:
            return


def _read(record: edge.Record, source: Path) -> IndexPoint:
    vectors, payload = record.vector, record.payload
    dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
    sparse = vectors.get(SPARSE) if isinstance(vectors, dict) else None
    if payload is None or not isinstance(dense, list):
        raise IndexCorruptError(f"point {record.id} is not whole", where=str(source))
    terms = sparse if isinstance(sparse, edge.SparseVector) else edge.SparseVector(indices=[], values=[])
    return IndexPoint(
        id=int(str(record.id)),
        dense=np.array(dense, dtype=np.float32),
        sparse=SparseVector(tuple(terms.indices), tuple(terms.values)),
        rule=int(payload["rule"]),
        document=int(payload["document_id"]),
        keys={key: value for key, value in payload.items() if key not in _INTEGER_KEYS},
    )


def _dimension(directory: Path) -> int:
    try:
        settings = json.loads((directory / "edge_config.json").read_text(encoding="utf-8"))
        return int(settings["vectors"][DENSE]["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexCorruptError("the engine's settings cannot be read", where=str(directory)) from error


def _point(point: IndexPoint) -> edge.Point:
    return edge.Point(
        id=point.id,
        vector={DENSE: point.dense.tolist(), SPARSE: sparse_vector(point.sparse)},
        payload={"rule": point.rule, "document_id": point.document, **point.keys},
    )


@contextmanager
def told(directory: Path | None, task: Task | None = None) -> Iterator[None]:
    """Turns the engine's exceptions, and its panics, into ours."""
    try:
        yield
    except OSError as error:
        if task is not None and edge_space.is_full(error):
            raise task.full() from error
        raise IndexStoreError(
            f"the index cannot be read or written ({error.strerror})", where=str(directory)
        ) from error
    except BaseException as error:
        # The engine raises bare Exception, and pyo3's PanicException, which is a BaseException.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        if task is not None and edge_space.is_full(error):
            raise task.full() from error
        raise IndexStoreError(f"the engine failed: {error}", where=str(directory or "")) from error
