"""An embedder that asks in another space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.embedding import CachedEmbedder, Embedder, VectorCache, Vectors


class RotatedQueries(CachedEmbedder):
    """Turns the vector of every query by one rotation, drawn by ``seed``; the cache holds the right ones.

    That is what questions look like that another model embedded: as far from each other as they were, and in no
    relation to the passages. The fingerprint is that of ``embedder``: nobody has noticed.
    """

    def __init__(self, embedder: Embedder, cache: VectorCache, *, seed: int) -> None:
        super().__init__(embedder, cache)
        square = np.random.default_rng(seed).standard_normal((self.dimension, self.dimension))
        self._rotation = np.linalg.qr(square)[0].astype(np.float32)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        turned: Vectors = np.ascontiguousarray(super().embed_queries(texts) @ self._rotation)
        return turned
