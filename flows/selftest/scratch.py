"""A place to rehearse in: the user's settings, questions and sources, and a state that nobody needs afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col

from evals.answers import AnswerAll
from evals.judges import store as calibrations
from flows.judging import judge_of, own_calibration, support_judge
from flows.project import Project, using
from flows.selftest.answers import Known, remembering
from flows.selftest.edit import Edit
from rag.answering.answerer import Search
from rag.answering.setup import AnsweringSetup
from rag.catalog.tables import Document, DocumentState
from rag.composition import embedder, sentences_file, vectors_file
from rag.embedding import SentenceTransformerEmbedder, VectorCache
from rag.errors import EvaluationError
from rag.parsing import Parser
from rag.settings import EdgeIndex, Settings
from rag.settings.source import Deletions, Source

_BUSY_SECONDS = 30
_JUDGEMENTS = "judgements.sqlite"


@dataclass(frozen=True, slots=True)
class Material:
    """What candidates are made of: ``doomed`` documents may vanish, of ``documents`` there are; ``edit`` is
    harmless."""

    documents: int = 0
    doomed: tuple[str, ...] = ()
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Scratch:
    """What all rehearsals share: a folder, the embedder and the parser, and below the folder caches of vectors."""

    folder: Path
    own: Settings
    """The user's settings, as they are."""
    embedder: SentenceTransformerEmbedder
    parser: Parser
    answers: Known = field(default_factory=dict)

    @property
    def base(self) -> Path:
        """The state that every candidate starts from."""
        return self.folder / "base"

    @property
    def vectors(self) -> Path:
        return self.folder / "vectors.sqlite"

    @property
    def sentences(self) -> Path:
        return self.folder / "sentences.sqlite"

    def settings(self, state: Path) -> Settings:
        """The user's settings with this state, all of it embedded, and no person to ask.

        Nothing is held by the breaker or for an approval: what is tried is whether the gate's own checks notice.
        """
        own = self.own
        return own.model_copy(
            update={
                "state": state,
                "catalog": SecretStr("sqlite"),
                "index": EdgeIndex(),
                "sources": tuple(_unguarded(source) for source in own.sources),
                "gate": own.gate.model_copy(update={"approve": ()}),
            }
        )

    @contextmanager
    def copied(self) -> Iterator[Path]:
        """A copy of the base, there while the block lasts. The engine's files are mostly holes, and stay so."""
        state = self.folder / "candidate"
        command = ["cp", "-a", "--reflink=auto", "--sparse=always", str(self.base), str(state)]
        try:
            subprocess.run(
                command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True
            )
            yield state
        except subprocess.CalledProcessError as error:
            raise EvaluationError(
                f"the state of the rehearsal could not be copied: {error.stderr.strip()}",
                where=str(state),
                state="Nothing of the project was changed",
                next_step="See that the folder for temporary files has room, or name another one with TMPDIR",
            ) from error
        finally:
            shutil.rmtree(state, ignore_errors=True)


class Rehearsal(Project):
    """The user's project with another state. Candidates that are doctored are made by what inherits from it."""

    def __init__(self, settings: Settings, scratch: Scratch, material: Material) -> None:
        super().__init__(settings, migrate=True)
        self.scratch = scratch
        self.material = material

    @cached_property
    def embedder(self) -> SentenceTransformerEmbedder:
        return self.scratch.embedder

    @cached_property
    def cache(self) -> VectorCache:
        return VectorCache(self.scratch.vectors, fingerprint=self.embedder.fingerprint)

    @cached_property
    def sentences(self) -> VectorCache:
        return VectorCache(self.scratch.sentences, fingerprint=self.embedder.fingerprint)

    @cached_property
    def parser(self) -> Parser:
        return self.scratch.parser

    def answer_all(self, setup: AnsweringSetup, search: Search) -> AnswerAll:
        return remembering(super().answer_all(setup, search), self.scratch.answers)

    def close(self) -> None:
        self.__dict__.pop("parser", None)  # others go on using it
        super().close()


@contextmanager
def scratch(own: Settings) -> Iterator[Scratch]:
    """A folder that only its owner can enter, with copies of what costs most to make; gone at the end.

    Of the user's state the caches are read, and of the catalog which documents are gone and who may judge.
    """
    with tempfile.TemporaryDirectory(prefix="lockgate-selftest-") as name:
        folder = Path(name)
        limits = own.parsing
        with Parser(timeout_seconds=limits.timeout.total_seconds(), max_bytes=limits.max_bytes) as parser:
            made = Scratch(
                folder,
                own,
                embedder(own),
                parser,
            )
            made.base.mkdir()
            _copy(vectors_file(own), made.vectors)
            _copy(sentences_file(own), made.sentences)
            _copy(own.state / _JUDGEMENTS, made.base / _JUDGEMENTS)
            with closing(Rehearsal(made.settings(made.base), made, Material())) as project:
                _take_over(own, project)
            yield made


def _unguarded(source: Source) -> Source:
    access = source.access.model_copy(update={"max_unruled_share": 1.0})
    return source.model_copy(update={"deletions": Deletions(max_share=1.0), "access": access})


def _copy(database: Path, target: Path) -> None:
    """One moment of a database that others may be writing to; nothing where there is none."""
    if not database.exists():
        return
    with (
        closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        ) as theirs,
        closing(sqlite3.connect(target)) as ours,
    ):
        theirs.backup(ours)


def _take_over(own: Settings, project: Project) -> None:
    """What is known of documents that sources no longer give or that were purged, and how judges were calibrated.

    Questions may name such documents, and what was purged must not come back, not even here.
    """
    if own.uses_sqlite and not (own.state / "catalog.sqlite").exists():
        return
    gone = select(Document).where(col(Document.state).in_((DocumentState.DELETED, DocumentState.PURGED)))
    with using(own) as theirs:
        with theirs.catalog.read() as session:
            known = session.scalars(gone).all()
        judges = judge_of(theirs), support_judge(theirs)
        found = {judge.name: own_calibration(theirs, judge) for judge in judges}
    with project.catalog.write() as session:
        for row in known:
            session.add(
                Document(
                    key=row.key,
                    source=row.source,
                    external_id=row.external_id,
                    state=row.state,
                    reason=row.reason,
                    fingerprint="",
                    pipeline="",
                )
            )
        for calibration in found.values():
            if calibration is not None:
                calibrations.save(session, calibration)
