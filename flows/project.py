"""A project, opened: everything that the flows wire together, made from ``lockgate.yaml``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import connectors
from evals.answers import AnswerAll
from evals.gate import Bar, GatePolicy
from evals.golden import GoldenSet, load_golden
from rag import composition
from rag.answering.answerer import Search
from rag.answering.setup import AnsweringSetup
from rag.catalog import Catalog
from rag.chunking import Chunker
from rag.embedding import CachedEmbedder, SentenceTransformerEmbedder, VectorCache
from rag.index import Bm25Encoder, IndexStore
from rag.ingestion import Breaker, Defaults, GenerationSpec
from rag.maintenance.reports import forget_reports
from rag.parsing import Parser
from rag.retrieval import EncodersOf, RetrievalSettings
from rag.settings import Settings, Source, digest, load_groups, load_settings


class Project:
    """Settings, and what is made from them at first use. Close it, or use ``opened``."""

    def __init__(self, settings: Settings, *, migrate: bool = True) -> None:
        self.settings = settings
        self._migrate = migrate

    @cached_property
    def catalog(self) -> Catalog:
        return composition.open_catalog(self.settings, migrate=self._migrate)

    @cached_property
    def store(self) -> IndexStore:
        return composition.index_store(self.settings)

    @cached_property
    def embedder(self) -> SentenceTransformerEmbedder:
        return composition.embedder(self.settings)

    @cached_property
    def bm25(self) -> Bm25Encoder:
        return composition.bm25(self.settings)

    @cached_property
    def cache(self) -> VectorCache:
        return VectorCache(composition.vectors_file(self.settings), fingerprint=self.embedder.fingerprint)

    @cached_property
    def sentences(self) -> VectorCache:
        """The vectors of sentences and questions, which answering and judging look at again and again."""
        return VectorCache(composition.sentences_file(self.settings), fingerprint=self.embedder.fingerprint)

    @cached_property
    def sentence_embedder(self) -> CachedEmbedder:
        return CachedEmbedder(self.embedder, self.sentences)

    @cached_property
    def parser(self) -> Parser:
        limits = self.settings.parsing
        return Parser(timeout_seconds=limits.timeout.total_seconds(), max_bytes=limits.max_bytes)

    @cached_property
    def chunker(self) -> Chunker:
        sizes = self.settings.chunking
        return Chunker(
            self.embedder,
            max_tokens=min(sizes.max_tokens, self.embedder.window_tokens),
            overlap_tokens=sizes.overlap_tokens,
        )

    @cached_property
    def pipeline(self) -> str:
        """Digest of all that turns bytes into chunks; the tokenizer is the embedder's."""
        parts = [self.parser.fingerprint, self.chunker.fingerprint, self.embedder.fingerprint]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def generation(self) -> GenerationSpec:
        return GenerationSpec(
            embedder=self.embedder.fingerprint,
            chunker=self.chunker.fingerprint,
            bm25=self.bm25.fingerprint,
            dimension=self.embedder.dimension,
            recipe=composition.recipe(self.settings, self.embedder),
        )

    @property
    def encoders_of(self) -> EncodersOf:
        return composition.encoders_of(self.settings, self.embedder)

    @cached_property
    def golden(self) -> GoldenSet:
        return load_golden(self.settings.golden, self.settings.directory)

    @property
    def retrieval(self) -> RetrievalSettings:
        chosen = self.settings.retrieval
        return RetrievalSettings(candidates=chosen.candidates, rrf_k=chosen.rrf_k)

    @property
    def retrieval_fingerprint(self) -> str:
        return composition.retrieval_fingerprint(self.settings)

    @cached_property
    def answering(self) -> AnsweringSetup:
        return composition.answering_setup(self.settings)

    @property
    def answering_fingerprint(self) -> str:
        return composition.answering_digest(self.settings, self.answering, self.embedder)

    def answer_all(self, setup: AnsweringSetup, search: Search) -> AnswerAll:
        """How many questions are answered at once, for measuring: a model is asked some of them at a time."""
        configured = self.settings.answering.model
        at_once = configured.parallel if configured else 1
        one = composition.answerer(self.settings, setup, search, self.sentence_embedder)
        return lambda asked: list(one.answer_all(asked, at_once=at_once))

    @property
    def gate_fingerprint(self) -> str:
        return digest(self.settings.gate)

    @property
    def policy(self) -> GatePolicy:
        gate = self.settings.gate
        return GatePolicy(
            metrics={
                name: Bar(floor=bar.floor, margin=bar.margin, slices=bar.slices)
                for name, bar in gate.metrics.items()
            },
            confidence=gate.confidence,
            resamples=gate.resamples,
            seed=gate.seed,
            max_quarantined=gate.max_quarantined,
            max_latency_ratio=gate.latency.max_ratio,
            approve=frozenset(gate.approve),
        )

    def forget_derived(self) -> bool:
        """Removes what was made from passages and can be made again, when a document is erased: the vectors of
        sentences, and the pages of evaluations, which quote. False while others are in the way."""
        forget_reports(composition.reports_folder(self.settings))
        return self.sentences.forget_all()

    def members_of(self) -> dict[str, frozenset[str]]:
        """``{group: members}`` as the groups file has them now; empty where none is configured."""
        return load_groups(self.settings.groups) if self.settings.groups else {}

    def connector(self, source: Source) -> connectors.Connector:
        """The connector of one source; its options are checked here."""
        index = self.settings.sources.index(source)
        return connectors.build(
            source.connector,
            source.options,
            directory=self.settings.directory,
            where=self.settings.where("sources", index),
        )

    def check(self) -> None:
        """Raises ``ConfigurationError`` for whatever in the files can be told to be wrong before any work."""
        for source in self.settings.sources:
            self.connector(source)
        self.members_of()
        _ = self.store, self.answering
        self.policy.check_slices(self.golden)

    def close(self) -> None:
        """Closes what was opened."""
        for name in ("parser", "cache", "sentences", "catalog"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()


def defaults_of(source: Source) -> Defaults:
    """The rule for documents that carry none (None: they are denied and kept out), and the tenant of all."""
    rule = None if source.access.default == "deny" else source.access.rule
    return Defaults(rule, source.access.tenant)


def breaker_of(source: Source) -> Breaker:
    """How much of the source may vanish, or lose its own rule, before a person must look."""
    return Breaker(source.deletions.max_share, max_unruled_share=source.access.max_unruled_share)


@contextmanager
def opened(config: str | Path) -> Iterator[Project]:
    """The project of this ``lockgate.yaml``, closed at the end; its catalog is made, or brought up to date."""
    with using(load_settings(Path(config)), migrate=True) as project:
        yield project


@contextmanager
def using(settings: Settings, *, migrate: bool = False) -> Iterator[Project]:
    """The project of these settings, closed at the end."""
    project = Project(settings, migrate=migrate)
    try:
        yield project
    finally:
        project.close()
