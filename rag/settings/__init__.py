"""``lockgate.yaml`` and the groups file, checked: an error names file, line and key."""

from rag.settings.access import Access, AccessAudit, AccessSync
from rag.settings.access_log import AccessLog
from rag.settings.answering import Answering
from rag.settings.caches import Caches
from rag.settings.canonical import canonical, digest
from rag.settings.chunking import Chunking
from rag.settings.directory import Directory
from rag.settings.embedding import Embedding
from rag.settings.evaluation import Evaluation, Judge
from rag.settings.gate import METRICS, Gate, MetricGate
from rag.settings.groups import load_groups
from rag.settings.identity import Claims, Oidc
from rag.settings.index import EdgeIndex, QdrantIndex
from rag.settings.load import load_settings
from rag.settings.model import LanguageModel
from rag.settings.parsing import Parsing
from rag.settings.retention import Retention
from rag.settings.retrieval import Bm25, Retrieval
from rag.settings.settings import Settings
from rag.settings.source import Freshness, Source, SourceAccess

__all__ = [
    "METRICS",
    "Access",
    "AccessAudit",
    "AccessLog",
    "AccessSync",
    "Answering",
    "Bm25",
    "Caches",
    "Chunking",
    "Claims",
    "Directory",
    "EdgeIndex",
    "Embedding",
    "Evaluation",
    "Freshness",
    "Gate",
    "Judge",
    "LanguageModel",
    "MetricGate",
    "Oidc",
    "Parsing",
    "QdrantIndex",
    "Retention",
    "Retrieval",
    "Settings",
    "Source",
    "SourceAccess",
    "canonical",
    "digest",
    "load_groups",
    "load_settings",
]
