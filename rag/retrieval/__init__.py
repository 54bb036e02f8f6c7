"""What the application imports."""

from rag.retrieval.hit import Hit
from rag.retrieval.retriever import MOST_HITS, RetrievalSettings, Retriever, SearchResult

__all__ = ["MOST_HITS", "Hit", "RetrievalSettings", "Retriever", "SearchResult"]
