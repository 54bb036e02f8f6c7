"""A made-up corpus of any size, put into a real catalog and a real index without embedding anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rag.access import AccessRule
from rag.catalog import Catalog
from rag.chunking import Chunk
from rag.embedding import VectorCache, Vectors, text_hash
from rag.index import Bm25Encoder, EdgeStore
from rag.ingestion import (
    GenerationSpec,
    begin_version,
    build_version,
    plan_source,
    process_batch,
)
from rag.parsing import Element, ParsedDocument
from rag.releases import GateDecision, record_decision

DIMENSION = 384
_CLUSTERS = 200
_WORDS = 5000
_CHUNK_WORDS = 60


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

    def list(self) -> Iterator[Listed]:
        for number in range(self._documents):
            group = f"group:g{number % self._rules}"
            yield Listed(f"{number:06d}.txt", AccessRule.of([group]))

    def fetch(self, id: str) -> Fetched:
        random_ = random.Random(id)
        paragraphs = (
            " ".join(self._vocabulary[int(_WORDS * random_.random() ** 3)] for _ in range(_CHUNK_WORDS))
            for _ in range(self._chunks)
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
    store: EdgeStore
    bm25: Bm25Encoder


def vector_of(text: str) -> Vectors:
    """A unit vector near one of a few hundred centres, always the same for the same text."""
    seed = int(text_hash(text)[:8], 16)
    centre = np.random.default_rng(seed % _CLUSTERS).normal(size=DIMENSION)
    found = centre + 0.6 * np.random.default_rng(seed).normal(size=DIMENSION)
    return np.asarray(found / np.linalg.norm(found), dtype=np.float32)


def build(root: Path, *, documents: int, chunks: int, rules: int) -> MadeUpProject:
    """A project below ``root`` whose version 1 holds ``documents * chunks`` chunks."""
    catalog = Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=True)
    store, cache = EdgeStore(root / "index"), VectorCache(root / "vectors.sqlite", fingerprint="made up")
    bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=_CHUNK_WORDS)
    source, parser, chunker = MadeUpSource(documents, chunks, rules), ParagraphParser(), ParagraphChunker()
    with catalog.write() as session:
        plan = plan_source(session, "made-up", source.list(), default=None, pipeline="made up")
    for start in range(0, len(plan.work), 500):
        batch = plan.work[start : start + 500]
        process_batch(
            catalog,
            "made-up",
            source,
            batch,
            parser=parser,
            chunker=chunker,
            default=None,
            pipeline="made up",
        )
        texts = [chunk for entry in batch for chunk in source.fetch(entry.id).data.decode().split("\n\n")]
        cache.put({text_hash(text): vector_of(text) for text in texts})
    spec = GenerationSpec("made up", "made up", bm25.fingerprint, DIMENSION)
    version = begin_version(catalog, spec)
    build_version(catalog, version, spec=spec, store=store, cache=cache, bm25=bm25)
    with catalog.write() as session:
        record_decision(session, GateDecision("promote", version, None, ["a benchmark"], [], {}))
    cache.close()
    return MadeUpProject(catalog, store, bm25)
