"""A made-up corpus of any size, put into a real catalog and a real index without embedding anything."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rag.access import AccessRule
from rag.catalog import Catalog
from rag.chunking import Chunk
from rag.embedding import VectorCache, Vectors, text_hash
from rag.index import Bm25Encoder, EdgeStore, IndexStore
from rag.ingestion import (
    Breaker,
    Defaults,
    GenerationSpec,
    apply_rules,
    begin_version,
    build_version,
    choose_base,
    plan_source,
    process_batch,
)
from rag.parsing import Element, ParsedDocument
from rag.releases import GateDecision, record_decision

DIMENSION = 384
_CLUSTERS = 200
_WORDS = 5000
_CHUNK_WORDS = range(30, 91)
"""As many lengths as in real text: chunks of one length would have no end of equal scores."""


@dataclass(frozen=True)
class Listed:
    """A document of the made-up source; document number n is under rule n modulo the number of rules."""

    id: str
    access: AccessRule
    fingerprint: str = "1"
    modified_at: datetime | None = datetime(2026, 1, 1, tzinfo=UTC)
    title: str | None = None
    uri: str | None = None
    problem: str | None = None
    access_changed_at: datetime | None = None


@dataclass(frozen=True)
class Fetched:
    name: str
    data: bytes


class MadeUpSource:
    """``documents`` documents of ``chunks`` paragraphs each, spread over ``rules`` distinct access rules."""

    def __init__(self, documents: int, chunks: int, rules: int) -> None:
        self._documents, self._chunks, self._rules = documents, chunks, rules
        words = random.Random(1)
        self._vocabulary = ["".join(words.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(_WORDS)]

        self.edition = 1
        self.edited = 0
        """The first so many documents are of this ``edition``, the others of the first."""
        self.regrouped = 0
        """The first so many documents are for the next group."""

    def list(self) -> Iterator[Listed]:
        for number in range(self._documents):
            group = f"group:g{(number + (number < self.regrouped)) % self._rules}"
            yield Listed(f"{number:06d}.txt", AccessRule.of([group]), str(self._edition(number)))

    def _edition(self, number: int) -> int:
        return self.edition if number < self.edited else 1

    def fetch(self, id: str) -> Fetched:
        random_ = random.Random(f"{id} {self._edition(int(id.removesuffix('.txt')))}")
        paragraphs = (
            " ".join(self._vocabulary[int(_WORDS * random_.random() ** 3)] for _ in range(length))
            for length in random_.choices(_CHUNK_WORDS, k=self._chunks)
        )
        return Fetched(id, "\n\n".join(paragraphs).encode())


class ParagraphParser:
    """A paragraph is an element: the real parser is measured elsewhere."""

    def parse(self, name: str, data: bytes) -> ParsedDocument:
        text = data.decode()
        elements, start = [], 0
        for paragraph in text.split("\n\n"):
            elements.append(Element("paragraph", paragraph, start, start + len(paragraph)))
            start += len(paragraph) + 2
        return ParsedDocument(text, tuple(elements), None)


class ParagraphChunker:
    """A paragraph is a chunk."""

    def chunk(self, document: ParsedDocument, *, title: str) -> list[Chunk]:
        return [
            Chunk(number, element.text, element.start, element.end, (), None, "")
            for number, element in enumerate(document.elements)
        ]


@dataclass
class MadeUpProject:
    """What ``build`` made; version 1 is sealed."""

    catalog: Catalog
    store: IndexStore
    bm25: Bm25Encoder
    source: MadeUpSource
    cache: VectorCache

    @property
    def spec(self) -> GenerationSpec:
        return GenerationSpec("made up", "made up", self.bm25.fingerprint, DIMENSION)

    def list(self) -> Sequence[Listed]:
        """Applies the listing; what is to be read."""
        with self.catalog.write() as session:
            plan = plan_source(
                session,
                "made-up",
                self.source.list(),
                defaults=Defaults(None),
                pipeline="made up",
                breaker=Breaker(),
            )
        return plan.work  # type: ignore[return-value]  # the plan hands back the source's own entries

    def sync(self) -> int:
        """Applies the listing's rules alone; how many documents are under another one than before."""
        with self.catalog.write() as session:
            return apply_rules(
                session, "made-up", self.source.list(), defaults=Defaults(None), breaker=Breaker()
            ).changed

    def read(self, work: Sequence[Listed]) -> None:
        """Takes the listed documents into the catalog."""
        parser, chunker = ParagraphParser(), ParagraphChunker()
        for start in range(0, len(work), 500):
            process_batch(
                self.catalog,
                "made-up",
                self.source,
                work[start : start + 500],
                parser=parser,
                chunker=chunker,
                defaults=Defaults(None),
                pipeline="made up",
            )

    def embed(self, work: Sequence[Listed]) -> None:
        """Puts vectors into the cache, as an embedder would that costs nothing."""
        for start in range(0, len(work), 500):
            texts = [
                chunk
                for entry in work[start : start + 500]
                for chunk in self.source.fetch(entry.id).data.decode().split("\n\n")
            ]
            self.cache.put({text_hash(text): vector_of(text) for text in texts})

    def base(self) -> tuple[int, int | None]:
        """Begins the next version; its number, and what it is made from."""
        version = begin_version(self.catalog, self.spec)
        return version, choose_base(self.catalog, version, self.spec, self.store)

    def seal(self, version: int, base: int | None) -> None:
        build_version(
            self.catalog,
            version,
            base=base,
            spec=self.spec,
            store=self.store,
            cache=self.cache,
            bm25=self.bm25,
        )

    def promote(self, version: int) -> None:
        with self.catalog.write() as session:
            record_decision(session, GateDecision("promote", version, None, ["a benchmark"], [], {}))

    def close(self) -> None:
        self.cache.close()
        self.catalog.close()


def vector_of(text: str) -> Vectors:
    """A unit vector near one of a few hundred centres, always the same for the same text."""
    seed = int(text_hash(text)[:8], 16)
    centre = np.random.default_rng(seed % _CLUSTERS).normal(size=DIMENSION)
    found = centre + 0.6 * np.random.default_rng(seed).normal(size=DIMENSION)
    return np.asarray(found / np.linalg.norm(found), dtype=np.float32)


def build(
    root: Path,
    *,
    documents: int,
    chunks: int,
    rules: int,
    store: IndexStore | None = None,
    source: MadeUpSource | None = None,
) -> MadeUpProject:
    """A project below ``root`` whose version 1 holds ``documents * chunks`` chunks and is promoted.

    A ``source`` that is given is one of just that many.
    """
    project = MadeUpProject(
        Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=True),
        store or EdgeStore(root / "index"),
        Bm25Encoder(k1=1.2, b=0.75, average_tokens=60),
        source or MadeUpSource(documents, chunks, rules),
        VectorCache(root / "vectors.sqlite", fingerprint="made up"),
    )
    work = project.list()
    project.read(work)
    project.embed(work)
    version, base = project.base()
    project.seal(version, base)
    project.promote(version)
    return project
