"""The index: one port, its stores, and BM25 for all of them."""

from rag.index.bm25 import Bm25Encoder
from rag.index.port import (
    FILTER_KEYS,
    IndexBuilder,
    IndexPoint,
    IndexQuery,
    IndexReader,
    IndexStore,
    ScoredId,
    SparseVector,
    Visibility,
)
from rag.index.qdrant_edge import EdgeStore

__all__ = [
    "FILTER_KEYS",
    "Bm25Encoder",
    "EdgeStore",
    "IndexBuilder",
    "IndexPoint",
    "IndexQuery",
    "IndexReader",
    "IndexStore",
    "ScoredId",
    "SparseVector",
    "Visibility",
]
