"""A Qdrant server's engine without a server: the adapter's writes on embedded shards, payload indexes and all.

The client's own ``:memory:`` looks through every point for each filter. What a server has instead is this engine;
what it adds, the network and the optimizers in the background, is not in here.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import qdrant_edge as edge
from qdrant_client import QdrantClient, models
from qdrant_client.http.models import QueryResponse

from rag.index.qdrant_server import QdrantServerStore


class EngineClient:
    """As much of ``QdrantClient`` as the store uses. Collections of vectors are shards below ``root``; those
    without, which is the registry of a few records, stay in memory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._registry = QdrantClient(":memory:")
        self._shards: dict[str, edge.EdgeShard] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def settle(self) -> None:
        """What the optimizers of a server do in the background, done at once."""
        for shard in self._shards.values():
            shard.optimize()

    def get_collection(self, name: str) -> SimpleNamespace:
        assert name in self._shards
        return SimpleNamespace(status=models.CollectionStatus.GREEN)

    def collection_exists(self, name: str) -> bool:
        return name in self._shards or self._registry.collection_exists(name)

    def create_collection(self, name: str, vectors_config: Any, **options: Any) -> None:
        if not vectors_config:
            self._registry.create_collection(name, vectors_config, **options)
            return
        (self._root / name).mkdir()
        self._shards[name] = edge.EdgeShard.create(
            str(self._root / name),
            edge.EdgeConfig(
                vectors={
                    key: edge.EdgeVectorParams(size=params.size, distance=edge.Distance.Dot)
                    for key, params in vectors_config.items()
                },
                sparse_vectors={
                    key: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
                    for key in options["sparse_vectors_config"]
                },
            ),
        )

    def create_payload_index(self, name: str, key: str, schema: Any, *, wait: bool) -> None:
        kind = edge.PayloadSchemaType
        integer = isinstance(schema, models.IntegerIndexParams)
        self._update(
            name, edge.UpdateOperation.create_field_index(key, kind.Integer if integer else kind.Keyword)
        )

    def delete_collection(self, name: str) -> None:
        if name in self._shards:
            self._shards.pop(name).close()
            shutil.rmtree(self._root / name)
        else:
            self._registry.delete_collection(name)

    def count(self, name: str, some: models.Filter, *, exact: bool) -> models.CountResult:
        return models.CountResult(count=self._shards[name].count(edge.CountRequest(exact, _filter(some))))

    def query_batch_points(
        self, name: str, requests: Sequence[models.QueryRequest], **_options: Any
    ) -> list[QueryResponse]:
        batch = edge.QueryBatchRequest([_request(each) for each in requests])
        return [
            QueryResponse(points=[models.ScoredPoint(id=hit.id, version=0, score=hit.score) for hit in hits])
            for hits in self._shards[name].query_batch(batch)
        ]

    def retrieve(
        self, name: str, ids: Sequence[int], *, with_payload: bool, with_vectors: list[str]
    ) -> list[models.Record]:
        return [_record(each) for each in self._shards[name].retrieve(list(ids), with_payload, with_vectors)]

    def scroll(
        self, name: str, some: models.Filter | None = None, **options: Any
    ) -> tuple[list[models.Record], Any]:
        if name not in self._shards:
            return self._registry.scroll(name, some, **options)
        found, offset = self._shards[name].scroll(
            edge.ScrollRequest(
                offset=options["offset"],
                limit=options["limit"],
                filter=_filter(some),
                with_payload=options["with_payload"],
                with_vector=options["with_vectors"],
            )
        )
        return [_record(each) for each in found], offset

    def batch_update_points(
        self, name: str, operations: Sequence[models.UpdateOperation], **options: Any
    ) -> list[models.UpdateResult]:
        if name not in self._shards:
            return self._registry.batch_update_points(name, operations, **options)
        for operation in operations:
            self._update(name, _operation(operation))
        return [models.UpdateResult(status=models.UpdateStatus.COMPLETED) for _ in operations]

    def _update(self, name: str, operation: edge.UpdateOperation) -> None:
        self._shards[name].update(operation)


def on_the_engine(root: Path) -> QdrantServerStore:
    """An empty server store whose engine keeps its files below ``root``."""
    root.mkdir(exist_ok=True)
    return QdrantServerStore(EngineClient(root), prefix="lockgate-test")  # type: ignore[arg-type]  # as much as it uses


def _operation(operation: models.UpdateOperation) -> edge.UpdateOperation:
    match operation:
        case models.UpsertOperation(upsert=models.PointsList(points=points)):
            return edge.UpdateOperation.upsert_points([_point(point) for point in points])
        case models.SetPayloadOperation(set_payload=models.SetPayload(payload=payload, filter=some)):
            return edge.UpdateOperation.set_payload_by_filter(_filter(some), payload)
        case models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=keys, filter=some)):
            return edge.UpdateOperation.delete_payload_by_filter(_filter(some), keys)
        case models.DeleteOperation(delete=models.FilterSelector(filter=some)):
            return edge.UpdateOperation.delete_points_by_filter(_filter(some))
        case _:
            raise AssertionError(f"building a version takes no {type(operation).__name__}")


def _request(request: models.QueryRequest) -> edge.QueryRequest:
    assert isinstance(request.query, models.NearestQuery)
    nearest: Any = request.query.nearest
    if isinstance(nearest, models.SparseVector):
        nearest = edge.SparseVector(indices=nearest.indices, values=nearest.values)
    idf = request.params.idf if request.params else None
    corpus = edge.IdfParams(corpus=_filter(idf.corpus)) if isinstance(idf, models.IdfCorpusParams) else None
    return edge.QueryRequest(
        limit=request.limit or 10,
        query=edge.Query.Nearest(nearest, using=request.using),
        filter=_filter(request.filter),
        params=edge.SearchParams(idf=corpus),
        with_payload=False,
    )


def _record(record: edge.Record) -> models.Record:
    vectors: Any = record.vector
    if isinstance(vectors, dict):
        vectors = {
            name: models.SparseVector(indices=vector.indices, values=vector.values)
            if isinstance(vector, edge.SparseVector)
            else vector
            for name, vector in vectors.items()
        }
    return models.Record(id=record.id, payload=record.payload, vector=vectors)


def _point(point: models.PointStruct) -> edge.Point:
    vectors = {
        name: edge.SparseVector(indices=vector.indices, values=vector.values)
        if isinstance(vector, models.SparseVector)
        else vector
        for name, vector in point.vector.items()  # type: ignore[union-attr]  # the adapter names its vectors
    }
    return edge.Point(id=point.id, vector=vectors, payload=point.payload)  # type: ignore[arg-type]  # the client knows more kinds


def _filter(some: Any) -> edge.Filter:
    return edge.Filter(
        must=[_condition(each) for each in some.must or ()] or None,
        should=[_condition(each) for each in some.should or ()] or None,
        must_not=[_condition(each) for each in some.must_not or ()] or None,
    )


def _condition(condition: Any) -> edge.FieldCondition | edge.Filter:
    match condition:
        case models.Filter():
            return _filter(condition)
        case models.FieldCondition(key=key, range=models.Range(lte=lte, gt=gt)):
            return edge.FieldCondition(key=key, range=edge.RangeFloat(lte=lte, gt=gt))
        case models.FieldCondition(key=key, match=models.MatchAny(any=values)):
            return edge.FieldCondition(key=key, match=edge.MatchAny(values))
        case models.FieldCondition(key=key, match=models.MatchValue(value=value)):
            return edge.FieldCondition(key=key, match=edge.MatchValue(value))
        case _:
            raise AssertionError(f"the engine is asked for no such thing here: {condition!r}")
