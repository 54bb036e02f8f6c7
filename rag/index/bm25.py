"""BM25 as sparse vectors, the same for every store."""

from __future__ import annotations

from importlib import metadata

import qdrant_edge

from rag.index.port import SparseVector


class Bm25Encoder:
    """Term weights of BM25 with English stop words and stemming; the store multiplies by IDF at the query.

    ``k1`` is the saturation of term frequency (>= 0), ``b`` the length normalisation (0 to 1),
    ``average_tokens`` the length of a usual chunk in words. Source: Robertson and Zaragoza, 2009.
    """

    def __init__(self, *, k1: float, b: float, average_tokens: float) -> None:
        self._model = qdrant_edge.Bm25(qdrant_edge.Bm25Config(k=k1, b=b, avg_len=average_tokens))
        self.fingerprint = f"qdrant-bm25/{metadata.version('qdrant-edge-py')}/{k1}/{b}/{average_tokens}"

    def document(self, text: str) -> SparseVector:
        return _plain(self._model.embed_document(text))

    def query(self, text: str) -> SparseVector:
        """Weight 1 for each distinct term."""
        return _plain(self._model.embed_query(text))


def _plain(vector: qdrant_edge.SparseVector) -> SparseVector:
    return SparseVector(tuple(vector.indices), tuple(vector.values))
