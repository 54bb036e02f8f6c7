"""One version of the embedded store on its way to being sealed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import qdrant_edge as edge

from rag.errors import IndexStoreError
from rag.index import edge_files, edge_shard, seal
from rag.index.edge_space import Task
from rag.index.port import IndexPoint


class EdgeBuilder:
    """``ghosts`` are the documents whose deleted points may still have bytes in the engine's files.

    They come from the base, grow with every deletion and are written into the seal, so that an erasure knows
    which versions it has to rewrite. ``None`` where the base does not tell.
    """

    def __init__(
        self,
        building: Path,
        final: Path,
        shard: edge.EdgeShard,
        ghosts: frozenset[int] | None,
        task: Task,
    ) -> None:
        self._building, self._final, self._shard = building, final, shard
        self._ghosts, self._task = ghosts, task
        self._must_rewrite = False
        self._done = False

    def delete(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), edge_shard.BATCH):
            batch = ids[start : start + edge_shard.BATCH]
            with edge_shard.told(self._building, self._task):
                self._leave(edge_shard.documents_of(self._shard, batch))
                self._shard.update(edge.UpdateOperation.delete_points(list(batch)))

    def erase(self, documents: Collection[int]) -> None:
        """Sealing then rewrites the version, so that no byte of them is in it."""
        if not documents:
            return
        wanted = edge_shard.of_documents(documents)
        with edge_shard.told(self._building, self._task):
            held = self._shard.count(edge.CountRequest(filter=wanted))
            self._shard.update(edge.UpdateOperation.delete_points_by_filter(wanted))
        if held or self._ghosts is None or not self._ghosts.isdisjoint(documents):
            self._must_rewrite = True

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        for replaced in edge_shard.upsert(self._shard, self._building, points, self._task):
            self._leave(replaced)

    def seal(self, *, expected_points: int) -> None:
        if self._must_rewrite:
            self._rewrite()
        points = edge_shard.finish(self._shard, self._building, self._task)
        if points != expected_points:
            raise IndexStoreError(
                f"the index holds {points} points where the catalog has {expected_points} chunks",
                where=str(self._building),
                state="Nothing was sealed; the promoted version is untouched",
                next_step="Run lockgate ingest --rebuild",
            )
        with edge_shard.told(self._building, self._task):
            seal.write_seal(self._building, points=points, ghosts=listed(self._ghosts))
            edge_files.publish(self._building, self._final)
        self._done = True

    def abandon(self) -> None:
        if self._done:
            return
        edge_shard.close(self._shard)
        for left in self._final.parent.glob(f"{edge_files.hidden(self._final).name}*"):
            edge_files.remove(left)
        self._done = True

    def _leave(self, documents: set[int]) -> None:
        if self._ghosts is not None:
            self._ghosts |= documents

    def _rewrite(self) -> None:
        target = self._building.with_name(self._building.name + ".rewritten")
        fresh = edge_shard.rewrite(self._shard, self._building, target, (), self._task)
        # What it was rewritten from goes before the version can be seen.
        edge_shard.close(self._shard)
        edge_files.remove(self._building)
        self._building, self._shard, self._ghosts = target, fresh, frozenset()


def listed(ghosts: frozenset[int] | None) -> list[int] | None:
    """Ghosts as the seal holds them."""
    return None if ghosts is None else sorted(ghosts)
