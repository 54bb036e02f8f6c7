"""Ingestion without a project: the steps in order, over objects that a test can replace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from rag.access import EVERYBODY, AccessRule
from rag.catalog import Catalog, replace_memberships
from rag.catalog.revisions import alive_at, latest_sealed
from rag.catalog.tables import ChunkRow, Document, Revision, Version, VersionState
from rag.chunking import Chunker
from rag.embedding import Embedder, VectorCache
from rag.index import Bm25Encoder, IndexStore
from rag.ingestion import (
    Breaker,
    Defaults,
    DocumentCounts,
    DocumentSource,
    GenerationSpec,
    begin_version,
    build_version,
    choose_base,
    embed_version,
    needs_version,
    plan_source,
    process_batch,
)
from rag.ingestion.process import DocumentParser
from rag.releases import GateDecision, record_decision
from rag.retrieval import QueryCache, RetrievalSettings, Retriever
from tests.support.catalogs import CATALOGS
from tests.support.embedder import WordEmbedder
from tests.support.memory_store import MemoryStore
from tests.support.parser import ParagraphParser

ADA, BOB, EVE = "user:ada", "user:bob", "user:eve"


def encoders_of(made_with: Mapping[str, Any]) -> tuple[Embedder, Bm25Encoder]:
    """What made the vectors of any harness's versions: a ``WordEmbedder`` is told by name and dimension."""
    k1, b, average_tokens = made_with["recipe"]["bm25"]
    embedder = WordEmbedder(fingerprint=made_with["embedder"], dimension=made_with["dimension"])
    return embedder, Bm25Encoder(k1=k1, b=b, average_tokens=average_tokens)


class StoppedError(Exception):
    """A run that was made to die after a step."""


class Harness:
    """The steps of an ingest, in order, over a catalog, a store and a cache that outlive it.

    Open a second one on the same folder (and, for a store in memory, the same store) for "the next run".
    """

    def __init__(
        self,
        root: Path,
        *,
        store: IndexStore | None = None,
        embedder: Embedder | None = None,
        parser: DocumentParser | None = None,
        max_tokens: int = 40,
        batch_size: int = 2,
        default: AccessRule | None = EVERYBODY,
        tenant: str | None = None,
        max_deleted_share: float = 1.0,
        catalog_url: str | None = None,
    ) -> None:
        self.root = root
        self.catalog = Catalog.open(catalog_url or CATALOGS.url(root), migrate=True)
        self.store: IndexStore = MemoryStore() if store is None else store
        self.embedder: Embedder = WordEmbedder() if embedder is None else embedder
        self.parser: DocumentParser = ParagraphParser() if parser is None else parser
        self.cache = VectorCache(root / "vectors.sqlite", fingerprint=self.embedder.fingerprint)
        self.bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=20)
        self.batch_size = batch_size
        self.default = default
        self.tenant = tenant
        self.breaker = Breaker(max_share=max_deleted_share)
        self._retrievers: list[Retriever] = []
        self.set_max_tokens(max_tokens)

    def set_max_tokens(self, max_tokens: int) -> None:
        self.chunker = Chunker(self.embedder, max_tokens=max_tokens, overlap_tokens=0, special_tokens=0)

    @property
    def pipeline(self) -> str:
        parts = f"paragraphs\n{self.chunker.fingerprint}\n{self.embedder.fingerprint}"
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def generation(self) -> GenerationSpec:
        return GenerationSpec(
            embedder=self.embedder.fingerprint,
            chunker=self.chunker.fingerprint,
            bm25=self.bm25.fingerprint,
            dimension=self.embedder.dimension,
            recipe={"bm25": list(map(float, self.bm25.fingerprint.split("/")[2:]))},
        )

    def ingest(
        self,
        sources: Mapping[str, DocumentSource] | DocumentSource,
        *,
        after: Callable[[str], None] = lambda _step: None,
    ) -> DocumentCounts:
        """One run over all sources (one alone is called ``s``). ``after`` is told each step once it is done."""
        counts = DocumentCounts()
        for name, source in sources.items() if isinstance(sources, Mapping) else [("s", sources)]:
            with self.catalog.write() as session:
                plan = plan_source(
                    session,
                    name,
                    source.list(),
                    defaults=Defaults(self.default, self.tenant),
                    pipeline=self.pipeline,
                    breaker=self.breaker,
                )
            if plan.held is not None:
                raise plan.held
            after("plan")
            counts += plan.counts
            for start in range(0, len(plan.work), self.batch_size):
                result = process_batch(
                    self.catalog,
                    name,
                    source,
                    plan.work[start : start + self.batch_size],
                    parser=self.parser,
                    chunker=self.chunker,
                    defaults=Defaults(self.default, self.tenant),
                    pipeline=self.pipeline,
                )
                counts += result.counts
                after(f"batch {start // self.batch_size + 1}")
        if needs_version(self.catalog, self.generation):
            self.build(after=after)
        return counts

    def build(self, *, after: Callable[[str], None] = lambda _step: None, from_scratch: bool = False) -> int:
        """Begins, embeds and seals the next version; returns its number."""
        number = begin_version(self.catalog, self.generation)
        after("begin")
        base = choose_base(self.catalog, number, self.generation, self.store, from_scratch=from_scratch)
        embed_version(
            self.catalog,
            number,
            base=base,
            embedder=self.embedder,
            cache=self.cache,
            progress=lambda _done, _total: after("slice"),
        )
        after("embed")
        build_version(
            self.catalog,
            number,
            base=base,
            spec=self.generation,
            store=self.store,
            cache=self.cache,
            bm25=self.bm25,
        )
        after("build")
        return number

    @property
    def latest(self) -> int | None:
        with self.catalog.read() as session:
            return latest_sealed(session)

    def promote(self, version: int | None = None, *, retrieval: RetrievalSettings | None = None) -> None:
        """Moves the pointer to ``version``, else to the latest sealed one, without asking the gate."""
        number = version if version is not None else self.latest
        assert number is not None
        settings = {"retrieval": retrieval.to_dict()} if retrieval else {}
        with self.catalog.write() as session:
            record_decision(
                session, GateDecision("promote", number, None, ["a test said so"], [], {}, settings=settings)
            )

    def set_groups(self, members_of: Mapping[str, set[str]]) -> bool:
        with self.catalog.write() as session:
            return replace_memberships(session, "groups", members_of)

    def retriever(self, settings: RetrievalSettings | None = None) -> Retriever:
        """A new one; it is closed with the harness."""
        opened = Retriever(
            self.catalog,
            self.store,
            self.embedder,
            self.bm25,
            settings,
            encoders_of=encoders_of,
            cache=QueryCache(100),
        )
        self._retrievers.append(opened)
        return opened

    def readable(self, principal: str, version: int | None = None) -> list[str]:
        """All texts that come back to ``principal`` from a version, sorted, by a retriever without a past."""
        with Retriever(
            self.catalog, self.store, self.embedder, self.bm25, encoders_of=encoders_of
        ) as retriever:
            hits = retriever.search("text", principal=principal, limit=1000, version=version, mode="dense")
        return sorted(hit.text for hit in hits)

    def texts(self, version: int) -> dict[str, list[str]]:
        """``{document key: its chunks in order}`` of a version, by the catalog."""
        found: dict[str, list[str]] = {}
        with self.catalog.connect() as connection:
            for key, text in connection.execute(
                select(col(Document.key), col(ChunkRow.text))
                .join(Revision, col(Revision.document_id) == col(Document.id))
                .join(ChunkRow, col(ChunkRow.revision_id) == col(Revision.id))
                .where(alive_at(version))
                .order_by(col(Document.key), col(ChunkRow.ordinal))
            ):
                found.setdefault(key, []).append(text)
        return found

    def documents(self) -> dict[str, tuple[str, str | None]]:
        """``{key: (state, reason)}``"""
        with self.catalog.connect() as connection:
            rows = connection.execute(select(col(Document.key), col(Document.state), col(Document.reason)))
            return {key: (str(state), reason) for key, state, reason in rows}

    def versions(self) -> dict[int, str]:
        """``{number: state}``"""
        with self.catalog.connect() as connection:
            rows = connection.execute(select(col(Version.number), col(Version.state)))
            return {number: str(VersionState(state)) for number, state in rows}

    def row(self, key: str, session: Session) -> Document:
        return session.scalars(select(Document).where(col(Document.key) == key)).one()

    def portrait(self) -> dict[str, Any]:
        """All that a run leaves behind, without ids and times: two equal ones cannot be told apart."""
        with self.catalog.connect() as connection:
            documents = connection.execute(
                select(
                    col(Document.key),
                    col(Document.state),
                    col(Document.reason),
                    col(Document.fingerprint),
                    col(Document.pipeline),
                    col(Document.uri),
                ).order_by(col(Document.key))
            ).all()
            versions = connection.execute(
                select(
                    col(Version.number),
                    col(Version.state),
                    col(Version.documents),
                    col(Version.chunks),
                    col(Version.corpus),
                ).order_by(col(Version.number))
            ).all()
        sealed = [version.number for version in versions if version.corpus is not None]
        return {
            "documents": [tuple(row) for row in documents],
            "versions": [tuple(row) for row in versions],
            "texts": {number: self.texts(number) for number in sealed},
            "readable": {
                (who, number): self.readable(who, number) for who in (ADA, BOB) for number in sealed
            },
            "sealed": self.store.sealed(),
        }

    def close(self) -> None:
        for retriever in self._retrievers:
            retriever.close()
        self.cache.close()
        self.catalog.close()

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def stop_after(step: str, times: int = 1) -> Callable[[str], None]:
    """For ``Harness.ingest(after=…)``: dies once ``step`` was done so many times."""
    seen = 0

    def told(done: str) -> None:
        nonlocal seen
        seen += done == step
        if done == step and seen == times:
            raise StoppedError(step)

    return told
