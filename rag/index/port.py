"""The port of the index: vectors and filter keys by version. Text stays in the catalog."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rag.embedding.port import Vectors

FILTER_KEYS = ("source", "format", "document")
"""What a search may be narrowed by: source name, file suffix without its dot, ``<source>/<id>``."""


@dataclass(frozen=True, slots=True)
class SparseVector:
    """BM25 weights by term number; both of one length."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """One chunk as the index holds it. ``id`` is the chunk's id in the catalog."""

    id: int
    dense: Vectors
    sparse: SparseVector
    rule: int
    """Id of the access rule at the time of writing."""
    document: int
    """Id of the document in the catalog."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Values of ``FILTER_KEYS``."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """What one reader may see, in the terms of one version's points.

    A point is visible if its document has not ``moved`` and its rule is in ``rules``, or if its document is in
    ``granted``. ``moved`` are the documents whose rule in force is no longer the one that their points carry.
    """

    rules: frozenset[int]
    moved: frozenset[int] = frozenset()
    granted: frozenset[int] = frozenset()

    @property
    def nothing(self) -> bool:
        """Whether no point can be visible."""
        return not self.rules and not self.granted


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """One search. With both vectors the legs are fused by reciprocal rank: sum of 1 / (rrf_k + rank),
    where the first rank is 0.

    Source of the formula: Cormack, Clarke and Büttcher, SIGIR 2009. ``candidates`` is the length of each leg.
    ``weighted`` says that the weights of ``sparse`` have been multiplied by IDF; else the store does so, over
    what is visible, which takes the longer the more that is.
    """

    visibility: Visibility
    limit: int
    dense: Vectors | None = None
    sparse: SparseVector | None = None
    match: Mapping[str, str] = field(default_factory=dict)
    candidates: int = 100
    rrf_k: int = 10
    weighted: bool = False

    @property
    def has_terms(self) -> bool:
        """Whether there is a word to look for."""
        return self.sparse is not None and bool(self.sparse.indices)


@dataclass(frozen=True, slots=True)
class ScoredId:
    """A chunk's id and its score, higher is better."""

    id: int
    score: float


class IndexReader(Protocol):
    """One sealed version, open for reading. Safe to share between threads."""

    @property
    def points(self) -> int: ...

    def query(self, query: IndexQuery) -> list[ScoredId]:
        """At most ``query.limit`` visible points, best first."""
        ...

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        """``{document: the rules that its points carry}``; a document without a point is absent."""
        ...

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        """``{chunk: its dense vector}``, of shape (dimension,), of every point of these documents."""
        ...

    def close(self) -> None: ...


class IndexBuilder(Protocol):
    """A version that is being built. Nobody sees it until it is sealed; not sealed, it never was."""

    def delete(self, ids: Sequence[int]) -> None:
        """Takes these points out of this version. One that is not in it is no error."""
        ...

    def erase(self, documents: Collection[int]) -> None:
        """Takes every point of these documents out of this version, whatever its id."""
        ...

    def upsert(self, points: Iterable[IndexPoint]) -> None: ...

    def seal(self, *, expected_points: int) -> None:
        """Makes the version durable and visible at once. Raises ``IndexStoreError`` if the count differs."""
        ...

    def abandon(self) -> None:
        """Removes what was built. Does nothing after ``seal``."""
        ...


class IndexStore(Protocol):
    """All versions of one project's index. One writer at a time; readers in any number of processes."""

    @property
    def kind(self) -> str:
        """As in ``lockgate.yaml``: what one kind copied, another cannot load."""
        ...

    def build(self, version: int, *, dimension: int, base: int | None) -> IndexBuilder:
        """Starts ``version`` as a copy of ``base``, or empty. What an earlier, unfinished build left is removed."""
        ...

    def open(self, version: int) -> IndexReader:
        """Raises ``IndexMissingError`` or ``IndexCorruptError``."""
        ...

    def verify(self, version: int) -> None:
        """Reads a sealed version through; raises as ``open`` does."""
        ...

    def sealed(self) -> list[int]:
        """The versions that can be opened, ascending."""
        ...

    def drop(self, version: int) -> None:
        """Removes a version for good. One that is not there is no error."""
        ...

    def erase(self, documents: Collection[int]) -> None:
        """Removes every point of these documents from every sealed version, so that no byte of them is left.

        Readers that are open go on. Killed anywhere, every version can still be opened, and doing it again
        finishes it. Needs the writer's lock.
        """
        ...

    def tidy(self) -> list[str]:
        """Removes what unfinished builds, drops and erasures left, and says what. Needs the writer's lock."""
        ...

    def copy_to(self, folder: Path, versions: Collection[int]) -> None:
        """Writes these sealed versions below ``folder``, durably. Needs the writer's lock; readers go on."""
        ...

    def load_from(self, folder: Path) -> None:
        """Brings back what ``copy_to`` wrote. Raises ``IndexStoreError`` where the store holds a version already.

        What it brings back is checked first. Killed half-way, ``tidy`` and another call make it whole.
        """
        ...
