"""The systems that an evaluation compares: the retriever's ways to search, and plain BM25."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlmodel import col

from evals.baseline import Bm25Baseline, Passage
from evals.evaluate import MayRead, Search
from rag.access import Subject, may_read
from rag.catalog import Catalog, load_access
from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision
from rag.embedding import Embedder, Vectors
from rag.index import Bm25Encoder, IndexStore
from rag.ingestion.corpus import embedded_text
from rag.retrieval import MOST_HITS, EncodersOf, RetrievalSettings, Retriever
from rag.retrieval.retriever import Mode

FUSED = "fused"
BASELINE = "bm25"
_PASSAGES_A_DOCUMENT = 10
"""Passages asked for, for each document wanted: several of the best may be of one document."""


class RememberingEmbedder:
    """An embedder that has seen the questions: all of them were embedded at once, which is far cheaper."""

    def __init__(self, embedder: Embedder, questions: Sequence[str]) -> None:
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.window_tokens = embedder.window_tokens
        self.offsets = embedder.offsets
        self.embed_documents = embedder.embed_documents
        self._embedder = embedder
        distinct = list(dict.fromkeys(questions))
        self._known = dict(zip(distinct, embedder.embed_queries(distinct), strict=True))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """The remembered vectors; texts that are not among the questions are embedded."""
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts])
        return self._embedder.embed_queries(texts)


def measuring_retriever(
    catalog: Catalog,
    store: IndexStore,
    embedder: Embedder,
    bm25: Bm25Encoder,
    settings: RetrievalSettings,
    questions: Sequence[str],
    encoders_of: EncodersOf | None = None,
) -> Retriever:
    """A retriever that keeps no results and notes nothing down.

    ``questions`` are the ones that will be asked; ``encoders_of`` is for a version of another generation.
    """
    return Retriever(
        catalog,
        store,
        embedder if isinstance(embedder, RememberingEmbedder) else RememberingEmbedder(embedder, questions),
        bm25,
        settings,
        encoders_of=_remembering(encoders_of, questions) if encoders_of else None,
    )


def retriever_systems(retriever: Retriever, version: int) -> dict[str, Search]:
    """``fused``, ``dense`` and ``sparse``, as the retriever gives them for ``version``."""

    def searching(mode: Mode) -> Search:
        def search(question: str, *, principal: str, limit: int) -> Sequence[str]:
            hits = retriever.search(
                question,
                principal=principal,
                limit=min(limit * _PASSAGES_A_DOCUMENT, MOST_HITS),
                version=version,
                mode=mode,
            )
            return list(dict.fromkeys(hit.document for hit in hits))[:limit]

        return search

    return {FUSED: searching("fused"), "dense": searching("dense"), "sparse": searching("sparse")}


def _remembering(encoders_of: EncodersOf, questions: Sequence[str]) -> EncodersOf:
    def make(made_with: Mapping[str, Any]) -> tuple[Embedder, Bm25Encoder]:
        embedder, bm25 = encoders_of(made_with)
        return RememberingEmbedder(embedder, questions), bm25

    return make


def baseline_system(catalog: Catalog, version: int) -> Search:
    """``rank-bm25`` over the passages of ``version``, read from the catalog and not from the index."""
    with catalog.connect() as connection:
        view = load_access(connection)
    baseline = Bm25Baseline(_passages(catalog, version))

    def search(question: str, *, principal: str, limit: int) -> Sequence[str]:
        return baseline.rank(question, view.visible(Subject(principal)), limit)

    return search


def catalog_oracle(catalog: Catalog) -> MayRead:
    """Who may read which document by the catalog, worked out apart from the retriever's own way."""
    with catalog.connect() as connection:
        view = load_access(connection)
        rule_of = {
            row.key: row.rule_id
            for row in connection.execute(
                select(col(Document.key), col(Document.rule_id)).where(
                    col(Document.state) != DocumentState.PURGED
                )
            )
        }

    def may(principal: str, document: str) -> bool:
        rule = rule_of.get(document)
        return rule is not None and may_read(view.memberships.reader(principal), view.rules[rule])

    return may


def known_documents(catalog: Catalog) -> set[str]:
    """The keys of every document that the catalog has ever seen."""
    with catalog.connect() as connection:
        return set(connection.scalars(select(col(Document.key))))


def _passages(catalog: Catalog, version: int) -> Iterator[Passage]:
    with catalog.connect() as connection:
        rows = connection.execution_options(yield_per=1000).execute(
            select(col(Document.key), col(ChunkRow.context), col(ChunkRow.text), col(Document.rule_id))
            .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
            .join(Document, col(Revision.document_id) == col(Document.id))
            .where(
                alive_at(version),
                col(Document.rule_id).is_not(None),
                col(Document.state) != DocumentState.PURGED,
            )
        )
        for key, context, text, rule in rows:
            assert rule is not None
            yield Passage(key, embedded_text(context, text), rule)
