"""Projects in which one thing goes wrong, or changes without harm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from connectors import Connector, Content, DocumentRef
from evals.answers import AnswerAll
from flows.project import Project
from flows.selftest.answers import inventing
from flows.selftest.edit import MARK, EditingParser
from flows.selftest.embedders import RotatedQueries
from flows.selftest.scratch import Material, Rehearsal, Scratch
from flows.selftest.sources import Doctored, edited
from flows.selftest.stores import KeepsDeleted, ShuffledCache
from rag.access import EVERYBODY
from rag.answering.answerer import Search
from rag.answering.setup import AnsweringSetup
from rag.catalog.tables import Source as SourceRow
from rag.embedding import CachedEmbedder, VectorCache
from rag.index import IndexStore
from rag.ingestion import GenerationSpec, record_listings
from rag.parsing import Parser
from rag.settings import Settings, Source

_FEW = 20
"""One document in so many vanishes where it is to be a few."""
_YEAR = timedelta(days=365)


class Unreadable(Rehearsal):
    """Every document has been written anew at its source, and reading it gives nothing."""

    def connector(self, source: Source) -> Connector:
        return Doctored(super().connector(source), edited, lambda _, content: Content(content.name, b""))


class _Vanishing(Rehearsal):
    """One document in ``one_in`` is not listed any more, and one at least."""

    one_in = 2

    def connector(self, source: Source) -> Connector:
        gone = frozenset(self.material.doomed[: max(1, self.material.documents // self.one_in)])
        return Doctored(
            super().connector(source), lambda ref: None if f"{source.name}/{ref.id}" in gone else ref
        )


class HalfGone(_Vanishing):
    """Half of the documents are not listed any more."""


class DeletesNotApplied(_Vanishing):
    """A few documents are not listed any more, and the index keeps them."""

    one_in = _FEW

    @cached_property
    def store(self) -> IndexStore:
        return KeepsDeleted(self.settings.state / "index")


class Shuffled(Rehearsal):
    """One passage in ten is written with the vector of another."""

    @cached_property
    def cache(self) -> VectorCache:
        return ShuffledCache(
            self.scratch.vectors, fingerprint=self.embedder.fingerprint, seed=self.settings.gate.seed
        )


class EverythingPublic(Rehearsal):
    """Every listing says that everybody may read, across tenants too."""

    def __init__(self, settings: Settings, scratch: Scratch, material: Material) -> None:
        sources = tuple(
            source.model_copy(update={"access": source.access.model_copy(update={"tenant": None})})
            for source in settings.sources
        )
        super().__init__(settings.model_copy(update={"sources": sources}), scratch, material)

    def connector(self, source: Source) -> Connector:
        return Doctored(super().connector(source), lambda ref: replace(ref, access=EVERYBODY))


class OtherQueries(Rehearsal):
    """Questions are embedded by another model than the passages."""

    @cached_property
    def sentence_embedder(self) -> CachedEmbedder:
        return RotatedQueries(self.embedder, self.sentences, seed=self.settings.gate.seed)

    def answer_all(self, setup: AnsweringSetup, search: Search) -> AnswerAll:
        return Project.answer_all(self, setup, search)  # what is remembered was answered with right vectors


class InventedNumbers(Rehearsal):
    """Every sentence of an answer has other numbers than the passage that it cites."""

    def answer_all(self, setup: AnsweringSetup, search: Search) -> AnswerAll:
        honest = super().answer_all(setup, search)
        return lambda asked: inventing(honest(asked))


class SameChunksAgain(Rehearsal):
    """Another chunker, which cuts as the first does: all is parsed, cut and indexed anew, as another generation."""

    @cached_property
    def pipeline(self) -> str:
        return f"{super().pipeline} again"

    @cached_property
    def generation(self) -> GenerationSpec:
        spec = super().generation
        return replace(spec, chunker=f"{spec.chunker} again")


class OneWordEdited(Rehearsal):
    """A synonym stands for one word of one document."""

    @cached_property
    def parser(self) -> Parser:
        edit = self.material.edit
        parser = self.scratch.parser
        return EditingParser(parser, edit) if edit is not None else parser

    def connector(self, source: Source) -> Connector:
        edit = self.material.edit
        key = edit.document if edit is not None else None

        def listed(ref: DocumentRef) -> DocumentRef:
            return edited(ref) if f"{source.name}/{ref.id}" == key else ref

        def read(id: str, content: Content) -> Content:
            return Content(content.name, content.data + MARK) if f"{source.name}/{id}" == key else content

        return Doctored(super().connector(source), listed, read)


def as_built(_project: Project, _version: int) -> None:
    """Nothing happens after a candidate was built."""


def grown_old(project: Project, version: int) -> None:
    """Twice the limit of each source goes by after its listing, and who edits a document there is not heard."""
    with project.catalog.write() as session:
        for source in project.settings.sources:
            row = session.get_one(SourceRow, source.name)
            assert row.listed_at is not None
            row.listed_at -= 2 * (source.freshness.max_lag or _YEAR)
    record_listings(project.catalog, version)
