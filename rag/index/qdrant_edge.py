"""The embedded store: Qdrant's own engine in this process, one directory a version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import qdrant_edge as edge

from rag.embedding.port import Vectors
from rag.errors import IndexStoreError
from rag.index import edge_backup, edge_erase, edge_files, edge_shard, edge_space, seal
from rag.index.edge_builder import EdgeBuilder
from rag.index.edge_query import legs
from rag.index.edge_space import Task
from rag.index.exact import answer
from rag.index.fusion import Pair
from rag.index.port import IndexQuery, ScoredId, SparseVector

_Found = TypeVar("_Found")


class EdgeStore:
    """Versions under ``root``: ``00000007`` is sealed and never changes; ``.building-00000008`` is not yet.

    ``00000007.1`` is version 7 without what was erased. All of the names: ``rag.index.edge_files``.
    """

    kind: ClassVar[str] = "edge"

    def __init__(self, root: Path) -> None:
        self.root = root

    def build(self, version: int, *, dimension: int, base: int | None) -> EdgeBuilder:
        """Raises ``IndexStoreError`` if the disk has no room for a copy of ``base``."""
        final = edge_files.plain(self.root, version)
        building, task = edge_files.hidden(final), edge_space.building(self.root)
        with edge_shard.told(self.root, task):
            self.root.mkdir(parents=True, exist_ok=True)
            edge_files.tidy(self.root)
            if version in self.sealed():
                raise IndexStoreError(f"version {version} is sealed already", where=str(final))
            try:
                return EdgeBuilder(building, final, *self._started(building, dimension, base, task), task)
            except BaseException:
                edge_files.remove(building)
                raise

    def open(self, version: int) -> EdgeReader:
        return self._looking_again(version, _open)

    def verify(self, version: int) -> None:
        self._looking_again(version, _read_through)

    def sealed(self) -> list[int]:
        return list(edge_files.sealed(self.root))

    def drop(self, version: int) -> None:
        # Ascending: what an erasure replaced goes first, so that it can never come back.
        with edge_shard.told(self.root):
            for directory in edge_files.sealed(self.root).get(version, []):
                edge_files.discard(directory)

    def erase(self, documents: Collection[int]) -> None:
        """Rewrites every version that holds points of these documents, or deleted ones not yet overwritten.

        A version's seal names the documents whose points were deleted on the way to it; a version sealed
        without such a list is rewritten in any case. A version that cannot be rewritten stops no other.
        """
        with edge_shard.told(self.root):
            edge_erase.erase(self.root, documents)

    def tidy(self) -> list[str]:
        with edge_shard.told(self.root):
            return edge_files.tidy(self.root)

    def copy_to(self, folder: Path, versions: Collection[int]) -> None:
        with edge_shard.told(folder, edge_space.copying(folder)):
            edge_backup.copy_to(self.root, folder, versions)

    def load_from(self, folder: Path) -> None:
        with edge_shard.told(self.root, edge_space.copying(self.root)):
            edge_backup.load_from(self.root, folder)

    def _started(
        self, building: Path, dimension: int, base: int | None, task: Task
    ) -> tuple[edge.EdgeShard, frozenset[int] | None]:
        """A new shard, or a copy of ``base``, and its ghosts."""
        if base is None:
            return edge_shard.create(building, dimension, task), frozenset()
        source = edge_files.current(self.root, base)
        facts = seal.check_seal(source, contents=False)
        task.require(edge_space.allocated(source) + edge_space.optimising(source))
        edge_files.copy(source, building, task)
        (building / seal.NAME).unlink()
        return edge_shard.load(building, task), edge_erase.ghosts(facts)

    def _looking_again(self, version: int, look: Callable[[Path], _Found]) -> _Found:
        """An erasure in another process may replace the directory while we look at it."""
        directory = edge_files.current(self.root, version)
        while True:
            try:
                return look(directory)
            except IndexStoreError:
                newer = edge_files.current(self.root, version)
                if newer == directory:
                    raise
                directory = newer


class EdgeReader:
    """A sealed version. The engine lets threads query at the same time."""

    def __init__(self, shard: edge.EdgeShard, points: int) -> None:
        self._shard = shard
        self.points = points

    def query(self, query: IndexQuery) -> list[ScoredId]:
        if query.visibility.nothing or not self.points:
            return []

        def ask(query: IndexQuery, lengths: Sequence[int]) -> list[list[Pair]]:
            with edge_shard.told(None):
                answers = self._shard.query_batch(edge.QueryBatchRequest(legs(query, lengths)))
            return [[(int(hit.id), hit.score) for hit in answer] for answer in answers]

        return answer(query, ask, self._terms_of)

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        return edge_shard.rules_of(self._shard, documents)

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        return edge_shard.vectors_of(self._shard, documents)

    def close(self) -> None:
        self._shard.close()

    def _terms_of(self, ids: list[int]) -> dict[int, SparseVector]:
        with edge_shard.told(None):
            return edge_shard.terms_of(self._shard, ids)


def _open(directory: Path) -> EdgeReader:
    shard, _ = edge_shard.open_sealed(directory)
    return EdgeReader(shard, shard.info().points_count)


def _read_through(directory: Path) -> None:
    seal.check_seal(directory, contents=True)
    _open(directory).close()
