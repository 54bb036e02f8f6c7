"""An index store in memory, written for being obviously right: it passes the contract suite of all stores.

Tests that build many versions use it, and the property tests of the others take it for their oracle.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import log
from pathlib import Path
from typing import ClassVar

import numpy as np

from rag.embedding import Vectors
from rag.errors import IndexMissingError, IndexStoreError
from rag.index import IndexPoint, IndexQuery, ScoredId, SparseVector, Visibility


class MemoryStore:
    """Versions by number."""

    kind: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self.versions: dict[int, dict[int, IndexPoint]] = {}
        self.unfinished: set[int] = set()

    def build(self, version: int, *, dimension: int, base: int | None) -> MemoryBuilder:
        if version in self.versions:
            raise IndexStoreError(f"version {version} is sealed already")
        points = dict(self._existing(base)) if base is not None else {}
        self.unfinished = {version}
        return MemoryBuilder(self, version, points)

    def open(self, version: int) -> MemoryReader:
        return MemoryReader(self._existing(version))

    def verify(self, version: int) -> None:
        self._existing(version)

    def sealed(self) -> list[int]:
        return sorted(self.versions)

    def drop(self, version: int) -> None:
        self.versions.pop(version, None)

    def erase(self, documents: Collection[int]) -> None:
        for version, points in self.versions.items():
            self.versions[version] = without(points, documents)

    def tidy(self) -> list[str]:
        removed = [f"removed the unfinished version {version}" for version in self.unfinished]
        self.unfinished = set()
        return removed

    def copy_to(self, folder: Path, versions: Collection[int]) -> None:
        copied = {version: self._existing(version) for version in versions}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "versions.pickle").write_bytes(pickle.dumps(copied))

    def load_from(self, folder: Path) -> None:
        if self.versions:
            raise IndexStoreError("the index holds versions already")
        self.versions = pickle.loads((folder / "versions.pickle").read_bytes())

    def _existing(self, version: int) -> dict[int, IndexPoint]:
        if version not in self.versions:
            raise IndexMissingError(f"the index of version {version} is not there")
        return self.versions[version]


class MemoryBuilder:
    """A version that is being built."""

    def __init__(self, store: MemoryStore, version: int, points: dict[int, IndexPoint]) -> None:
        self._store, self._version, self._points = store, version, points

    @property
    def count(self) -> int:
        """How many points it has so far."""
        return len(self._points)

    def delete(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._points.pop(id, None)

    def erase(self, documents: Collection[int]) -> None:
        self._points = without(self._points, documents)

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        self._points.update({point.id: point for point in points})

    def seal(self, *, expected_points: int) -> None:
        if len(self._points) != expected_points:
            raise IndexStoreError(f"{len(self._points)} points and not {expected_points}")
        self._store.versions[self._version] = self._points
        self._store.unfinished.discard(self._version)

    def abandon(self) -> None:
        self._store.unfinished.discard(self._version)


class MemoryReader:
    """A sealed version."""

    def __init__(self, points: dict[int, IndexPoint]) -> None:
        self._points = points
        self.points = len(points)

    def query(self, query: IndexQuery) -> list[ScoredId]:
        seen = [point for point in self._points.values() if is_visible(point, query.visibility)]
        ranked = [point for point in seen if query.match.items() <= dict(point.keys).items()]
        legs: list[list[ScoredId]] = []
        if query.dense is not None:
            legs.append(best({point.id: float(np.dot(point.dense, query.dense)) for point in ranked}))
        if query.sparse is not None and query.sparse.indices:
            corpus = None if query.weighted else seen
            scores = {point.id: bm25(point.sparse, query.sparse, corpus) for point in ranked}
            legs.append(best({id: score for id, score in scores.items() if score}))
        if len(legs) < 2:
            return [hit for leg in legs for hit in leg[: query.limit]]
        candidates = max(query.candidates, query.limit)
        return best(reciprocal_ranks([leg[:candidates] for leg in legs], query.rrf_k))[: query.limit]

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        points = [point for point in self._points.values() if point.document in set(documents)]
        return {
            document: frozenset(point.rule for point in points if point.document == document)
            for document in {point.document for point in points}
        }

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        return {point.id: point.dense for point in self._points.values() if point.document in set(documents)}

    def close(self) -> None: ...


def without(points: dict[int, IndexPoint], documents: Collection[int]) -> dict[int, IndexPoint]:
    """The points of all other documents."""
    return {id: point for id, point in points.items() if point.document not in documents}


def is_visible(point: IndexPoint, visibility: Visibility) -> bool:
    """The words of ``Visibility``."""
    if point.document in visibility.granted:
        return True
    return point.document not in visibility.moved and point.rule in visibility.rules


def bm25(document: SparseVector, query: SparseVector, corpus: Sequence[IndexPoint] | None) -> float:
    """Sum over the query's terms of both weights, and of the IDF of Robertson and Zaragoza over ``corpus``."""
    frequencies = Counter(term for point in corpus or () for term in point.sparse.indices)
    weights = dict(zip(document.indices, document.values, strict=True))

    def idf(term: int) -> float:
        if corpus is None:
            return 1.0
        return log(1 + (len(corpus) - frequencies[term] + 0.5) / (frequencies[term] + 0.5))

    return sum(
        weight * weights[term] * idf(term)
        for term, weight in zip(query.indices, query.values, strict=True)
        if term in weights
    )


def reciprocal_ranks(legs: Sequence[Sequence[ScoredId]], k: int) -> dict[int, float]:
    """Sum over the legs of 1 / (k + rank); the first rank is 0."""
    fused: Counter[int] = Counter()
    for leg in legs:
        for rank, hit in enumerate(leg):
            fused[hit.id] += 1 / (k + rank)  # type: ignore[assignment]  # a Counter of fractions
    return dict(fused)


def best(scores: dict[int, float]) -> list[ScoredId]:
    return [ScoredId(id, score) for id, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))]
