"""From a source's listing to a sealed version, in steps that can each be run again."""

from rag.ingestion.breaker import Breaker
from rag.ingestion.build import (
    ChunkCounts,
    begin_version,
    build_version,
    choose_base,
    embed_version,
    needs_version,
    record_listings,
)
from rag.ingestion.counts import DocumentCounts
from rag.ingestion.generations import GenerationSpec
from rag.ingestion.lock import WriterLock, is_writing, writer_lock
from rag.ingestion.plan import SourcePlan, plan_source
from rag.ingestion.port import DocumentSource, Fetched, Listed
from rag.ingestion.process import BatchResult, process_batch
from rag.ingestion.rules import AppliedRules, Defaults, apply_rules

__all__ = [
    "AppliedRules",
    "BatchResult",
    "Breaker",
    "ChunkCounts",
    "Defaults",
    "DocumentCounts",
    "DocumentSource",
    "Fetched",
    "GenerationSpec",
    "Listed",
    "SourcePlan",
    "WriterLock",
    "apply_rules",
    "begin_version",
    "build_version",
    "choose_base",
    "embed_version",
    "is_writing",
    "needs_version",
    "plan_source",
    "process_batch",
    "record_listings",
    "writer_lock",
]
