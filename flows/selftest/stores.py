"""A store that keeps what it should delete, and a cache that mixes vectors up."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from rag.embedding import VectorCache, Vectors
from rag.index import EdgeStore, IndexPoint
from rag.index.edge_builder import EdgeBuilder

_SHARE = 10
"""One in so many vectors is another text's."""
_FEWEST = 2


class KeepsDeleted(EdgeStore):
    """Builds versions that keep every point which should be taken out, and seals them all the same."""

    def build(self, version: int, *, dimension: int, base: int | None) -> EdgeBuilder:
        return _KeepingBuilder(super().build(version, dimension=dimension, base=base))


class _KeepingBuilder(EdgeBuilder):
    """``builder``, deaf to deletions."""

    def __init__(self, builder: EdgeBuilder) -> None:
        self._builder = builder
        self._kept: set[int] = set()

    def delete(self, ids: Sequence[int]) -> None:
        self._kept.update(ids)

    def erase(self, documents: Collection[int]) -> None:
        self._builder.erase(documents)

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        self._builder.upsert(points)

    def seal(self, *, expected_points: int) -> None:
        self._builder.seal(expected_points=expected_points + len(self._kept))

    def abandon(self) -> None:
        self._builder.abandon()


class ShuffledCache(VectorCache):
    """Gives one in ten texts, drawn by ``seed``, the vector of another one of them; two at least."""

    def __init__(self, path: Path, *, fingerprint: str, seed: int) -> None:
        super().__init__(path, fingerprint=fingerprint)
        self._seed = seed

    def get(self, text_hashes: Sequence[str]) -> dict[str, Vectors]:
        found = super().get(text_hashes)
        if len(found) < _FEWEST:
            return found
        drawn = random.Random(self._seed).sample(sorted(found), max(_FEWEST, len(found) // _SHARE))
        moved = {hash: found[other] for hash, other in zip(drawn, [*drawn[1:], drawn[0]], strict=True)}
        return {**found, **moved}
