"""From a source's listing to a sealed version, in steps that can each be run again."""

from rag.ingestion.build import (
    ChunkCounts,
    begin_version,
    build_version,
    embed_version,
    needs_version,
    record_listings,
)
from rag.ingestion.counts import DocumentCounts
from rag.ingestion.generations import GenerationSpec
from rag.ingestion.lock import is_writing, writer_lock
from rag.ingestion.plan import SourcePlan, plan_source
from rag.ingestion.port import DocumentSource, Fetched, Listed
from rag.ingestion.process import BatchResult, process_batch
from rag.ingestion.revisions import alive_at, latest_sealed

__all__ = [
    "BatchResult",
    "ChunkCounts",
    "DocumentCounts",
    "DocumentSource",
    "Fetched",
    "GenerationSpec",
    "Listed",
    "SourcePlan",
    "alive_at",
    "begin_version",
    "build_version",
    "embed_version",
    "is_writing",
    "latest_sealed",
    "needs_version",
    "plan_source",
    "process_batch",
    "record_listings",
    "writer_lock",
]
