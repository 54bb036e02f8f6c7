"""A Qdrant server's engine without a server: the adapter's writes on embedded shards, payload indexes and all.

The client's own ``:memory:`` looks through every point for each filter. What a server has instead is this engine;
what it adds, the network and the optimizers in the background, is not in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import qdrant_edge as edge
from qdrant_client import QdrantClient, models


class EdgeBackedClient:
    """As much of ``QdrantClient`` as building a version takes. Collections of vectors are shards below ``root``;
    those without, which is the registry of a few records, stay in memory."""

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
        else:
            self._registry.delete_collection(name)

    def count(self, name: str, some: models.Filter, *, exact: bool) -> models.CountResult:
        return models.CountResult(count=self._shards[name].count(edge.CountRequest(exact, _filter(some))))

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
        must=[_condition(each) for each in some.must or ()],
        must_not=[_condition(each) for each in some.must_not or ()] or None,
    )


def _condition(condition: Any) -> edge.FieldCondition:
    match condition:
        case models.FieldCondition(key=key, range=models.Range(lte=lte, gt=gt)):
            return edge.FieldCondition(key=key, range=edge.RangeFloat(lte=lte, gt=gt))
        case models.FieldCondition(key=key, match=models.MatchAny(any=values)):
            return edge.FieldCondition(key=key, match=edge.MatchAny(values))
        case models.FieldCondition(key=key, match=models.MatchValue(value=value)):
            return edge.FieldCondition(key=key, match=edge.MatchValue(value))
        case _:
            raise AssertionError(f"building a version takes no such filter: {condition!r}")
