"""``lockgate.yaml`` as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr

from rag.errors import ConfigurationError, unknown
from rag.settings.access import Access
from rag.settings.answering import Answering
from rag.settings.base import Duration, LocatedError, Origin, ResolvedGlob, ResolvedPath, Section, within
from rag.settings.caches import Caches
from rag.settings.chunking import Chunking
from rag.settings.directory import Directory
from rag.settings.embedding import Embedding
from rag.settings.evaluation import Evaluation
from rag.settings.gate import Gate
from rag.settings.identity import Oidc
from rag.settings.index import EdgeIndex, Index
from rag.settings.parsing import Parsing
from rag.settings.problems import KeyPath
from rag.settings.retention import Retention
from rag.settings.retrieval import Retrieval
from rag.settings.source import Source
from rag.settings.yaml_file import line_of

_SQLITE = "sqlite"


def _catalog(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    try:
        usable = text == _SQLITE or (text.startswith("postgresql+psycopg://") and bool(urlsplit(text).path))
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("expected sqlite, or a URL such as postgresql+psycopg://user@host/database")
    return secret


def _unique(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    _check_names("sources", [source.name for source in sources])
    return sources


def _unique_directories(directories: tuple[Directory, ...]) -> tuple[Directory, ...]:
    _check_names("directories", [directory.name for directory in directories])
    return directories


def _check_names(key: str, names: list[str]) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            raise LocatedError(f"{key}[{first[name]}] has the same name", (index, "name"))


class Settings(Section):
    """Everything that ``lockgate.yaml`` says, checked. Paths in it are absolute."""

    project: str = Field(pattern=r"^\w[\w .-]*$", max_length=64, description="The project's name.")
    state: ResolvedPath = Field(
        Path(".lockgate"), description="The folder of embedded catalog, index and caches."
    )
    catalog: Annotated[SecretStr, AfterValidator(_catalog)] = Field(
        SecretStr(_SQLITE), description="sqlite: in the state folder; or postgresql+psycopg://..."
    )
    index: Index = Field(EdgeIndex(), description="Where the index lives.")
    embedding: Embedding = Field(Embedding(), description="The embedder.")
    chunking: Chunking = Field(Chunking(), description="The chunker.")
    parsing: Parsing = Field(Parsing(), description="The parser.")
    retrieval: Retrieval = Field(Retrieval(), description="How a question finds passages.")
    groups: ResolvedPath | None = Field(None, description="The groups file; no groups if left out.")
    groups_max_age: Annotated[Duration, within("1m", "365d")] | None = Field(
        None, description="How old the groups file may become, such as 24h; no limit if left out."
    )
    directories: Annotated[tuple[Directory, ...], AfterValidator(_unique_directories)] = Field(
        (), description="Exports of directories that say who is in which group."
    )
    identity: Oidc | None = Field(None, description="Whose tokens say who asks; none are taken if left out.")
    caches: Caches = Field(Caches(), description="What readers keep in memory.")
    sources: Annotated[tuple[Source, ...], AfterValidator(_unique)] = Field(
        min_length=1, description="Where documents come from."
    )
    access: Access = Field(Access(), description="How access is kept right, and what is kept of who asked.")
    answering: Answering = Field(Answering(), description="How lockgate ask answers.")
    golden: tuple[ResolvedGlob, ...] = Field((), description="Globs of golden question files.")
    evaluation: Evaluation = Field(
        Evaluation(), description="What is measured besides rankings, and who judges."
    )
    gate: Gate = Field(Gate(), description="What a candidate must hold to be promoted.")
    retention: Retention = Field(Retention(), description="Which old versions are kept.")

    _origin: Origin = PrivateAttr()

    def model_post_init(self, context: object, /) -> None:
        """Keeps where the settings came from: the validation context, or else the working directory."""
        self._origin = context if isinstance(context, Origin) else Origin(Path.cwd())

    @property
    def directory(self) -> Path:
        """The absolute folder of the file; relative paths in it start here."""
        return self._origin.directory

    @property
    def uses_sqlite(self) -> bool:
        """Whether the catalog is SQLite in the state folder; else ``catalog`` is a PostgreSQL URL."""
        return self.catalog.get_secret_value() == _SQLITE

    def where(self, *path: str | int) -> str:
        """``lockgate.yaml:12`` for keys such as ``("sources", 0, "path")``; empty where there is no file."""
        keys: KeyPath = path
        return f"{self._origin.file}:{line_of(self._origin.lines, keys)}" if self._origin.file else ""

    def source(self, name: str) -> Source:
        """The source of that name; raises ``ConfigurationError`` that offers the nearest one."""
        for source in self.sources:
            if source.name == name:
                return source
        names = [source.name for source in self.sources]
        raise ConfigurationError(unknown("source", name, names), where=self.where("sources"))
