"""A whole ingest against bare ``encode()`` of the very same chunks."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from flows.environment import prepare
from flows.project import opened
from rag.catalog.tables import ChunkRow
from rag.ingestion.corpus import embedded_text

SCIFACT = Path(__file__).parents[3] / "shared" / "data" / "scifact" / "corpus.jsonl"
SAMPLE = Path(__file__).parents[2] / "data" / "tickets" / "tickets.jsonl"


def main(documents: int | None = 500) -> None:
    """Prints seconds and their ratio for the first ``documents`` of SciFact (all, if None), where it is there."""
    corpus = SCIFACT if SCIFACT.exists() else SAMPLE
    with tempfile.TemporaryDirectory() as root:
        with corpus.open(encoding="utf-8") as lines:
            text = "".join(itertools.islice(lines, documents))
        (Path(root) / "corpus.jsonl").write_text(text, encoding="utf-8")
        config = Path(root) / "lockgate.yaml"
        config.write_text(
            "project: bench\nsources:\n  - {name: corpus, connector: jsonl, path: corpus.jsonl, "
            "access: {default: public}}\n",
            encoding="utf-8",
        )
        prepare(Path(root) / ".lockgate")
        from flows.ingest import ingest

        summary = ingest(str(config))
        with opened(config) as project:
            with project.catalog.connect() as connection:
                rows = connection.execute(select(col(ChunkRow.context), col(ChunkRow.text))).all()
            texts = [embedded_text(context, passage) for context, passage in rows]
            project.embedder.embed_queries(["the model is loaded"])
            started = time.monotonic()
            project.embedder.embed_documents(texts)
            bare = time.monotonic() - started
    print(
        f"ingest of {summary['documents']['added']} documents, {len(texts)} chunks, from {corpus.parent.name}"
    )
    print(
        f"  ingest {summary['seconds']:.1f} s   bare encode {bare:.1f} s   ratio {summary['seconds'] / bare:.2f}"
    )
