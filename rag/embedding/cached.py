"""An embedder that looks into a cache first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from rag.embedding.cache import VectorCache
from rag.embedding.embed import text_hash
from rag.embedding.port import Embedder, Vectors

_SLICE = 256
"""Texts between two commits."""


class CachedEmbedder:
    """``embedder``, but for texts whose vectors ``cache`` holds. Threads may share it, one at a time at work.

    The cache must be of the same embedder and be used by nobody else in this process.
    """

    def __init__(self, embedder: Embedder, cache: VectorCache) -> None:
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.window_tokens = embedder.window_tokens
        self.offsets = embedder.offsets
        self._embedder = embedder
        self._cache = cache
        self._lock = threading.Lock()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return self._embed(texts, self._embedder.embed_documents, "")

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        # another method may make other vectors of the same text
        return self._embed(texts, self._embedder.embed_queries, "query\0")

    def _embed(self, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors], prefix: str) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        hashes = [text_hash(prefix + text) for text in texts]
        of = dict(zip(hashes, texts, strict=True))
        with self._lock:
            # longest first, so that texts of like length meet in a batch
            missing = sorted(self._cache.missing(hashes), key=lambda hash: (-len(of[hash]), hash))
            for start in range(0, len(missing), _SLICE):
                some = missing[start : start + _SLICE]
                self._cache.put(dict(zip(some, embed([of[hash] for hash in some]), strict=True)))
            found = self._cache.get(hashes)
        return np.stack([found[hash] for hash in hashes])
