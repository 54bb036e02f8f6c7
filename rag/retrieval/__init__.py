"""What the application imports."""

from rag.retrieval.access_log import AccessLog
from rag.retrieval.hit import Hit
from rag.retrieval.query_cache import QueryCache
from rag.retrieval.retrieval_settings import RetrievalSettings
from rag.retrieval.retriever import MOST_HITS, EncodersOf, Retriever, SearchResult

__all__ = [
    "MOST_HITS",
    "AccessLog",
    "EncodersOf",
    "Hit",
    "QueryCache",
    "RetrievalSettings",
    "Retriever",
    "SearchResult",
]
