"""What the application imports."""

from rag.retrieval.hit import Hit
from rag.retrieval.retriever import MOST_HITS, EncodersOf, RetrievalSettings, Retriever, SearchResult

__all__ = ["MOST_HITS", "EncodersOf", "Hit", "RetrievalSettings", "Retriever", "SearchResult"]
