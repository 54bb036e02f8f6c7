"""Texts to vectors, and the cache that makes each text cost once."""

from rag.embedding.cache import VectorCache
from rag.embedding.cached import CachedEmbedder
from rag.embedding.embed import embed_missing, text_hash
from rag.embedding.port import Embedder, Vectors
from rag.embedding.sentence_transformer import SentenceTransformerEmbedder

__all__ = [
    "CachedEmbedder",
    "Embedder",
    "SentenceTransformerEmbedder",
    "VectorCache",
    "Vectors",
    "embed_missing",
    "text_hash",
]
