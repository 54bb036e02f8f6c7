"""A store and an embedder that tell of every step they take, so that a test can act or crash between two."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from rag.embedding import Vectors
from rag.index import IndexBuilder, IndexPoint, IndexQuery, IndexReader, IndexStore, ScoredId
from tests.support.embedder import WordEmbedder

Tell = Callable[[str], None]


class RiggedStore:
    """``inner``, which tells of ``store begun``, ``store written`` and ``store sealed``, and of ``searched``.

    Where telling raises, nothing is cleaned up: so does a process that is killed.
    """

    def __init__(self, inner: IndexStore, tell: Tell) -> None:
        self.inner, self._tell = inner, tell
        self.kind = inner.kind

    def build(self, version: int, *, dimension: int, base: int | None) -> RiggedBuilder:
        builder = RiggedBuilder(self.inner.build(version, dimension=dimension, base=base), self._tell)
        builder.told("store begun")
        return builder

    def open(self, version: int) -> RiggedReader:
        return RiggedReader(self.inner.open(version), self._tell)

    def verify(self, version: int) -> None:
        self.inner.verify(version)

    def sealed(self) -> list[int]:
        return self.inner.sealed()

    def drop(self, version: int) -> None:
        self.inner.drop(version)

    def erase(self, documents: Collection[int]) -> None:
        self.inner.erase(documents)

    def tidy(self) -> list[str]:
        return self.inner.tidy()

    def copy_to(self, folder: Path, versions: Collection[int]) -> None:
        self.inner.copy_to(folder, versions)

    def load_from(self, folder: Path) -> None:
        self.inner.load_from(folder)


class RiggedBuilder:
    """``inner``, until telling raises."""

    def __init__(self, inner: IndexBuilder, tell: Tell) -> None:
        self._inner, self._tell = inner, tell
        self._killed = False

    def told(self, step: str) -> None:
        try:
            self._tell(step)
        except BaseException:
            self._killed = True
            raise

    def delete(self, ids: Sequence[int]) -> None:
        self._inner.delete(ids)

    def erase(self, documents: Collection[int]) -> None:
        self._inner.erase(documents)

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        self._inner.upsert(points)
        self.told("store written")

    def seal(self, *, expected_points: int) -> None:
        self._inner.seal(expected_points=expected_points)
        self.told("store sealed")

    def abandon(self) -> None:
        if not self._killed:
            self._inner.abandon()


class RiggedReader:
    """``inner``, which tells when it has found something and nobody has looked at it yet."""

    def __init__(self, inner: IndexReader, tell: Tell) -> None:
        self._inner, self._tell = inner, tell

    @property
    def points(self) -> int:
        return self._inner.points

    def query(self, query: IndexQuery) -> list[ScoredId]:
        found = self._inner.query(query)
        self._tell("searched")
        return found

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        return self._inner.rules_of(documents)

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        return self._inner.vectors_of(documents)

    def close(self) -> None:
        self._inner.close()


class RiggedEmbedder(WordEmbedder):
    """Tells of ``embedded``, before anybody has stored the vectors; ``embeds`` is told the texts first."""

    def __init__(
        self, *, fingerprint: str, dimension: int, tell: Tell, embeds: Callable[[str, Sequence[str]], None]
    ) -> None:
        super().__init__(fingerprint=fingerprint, dimension=dimension)
        self._tell, self._embeds = tell, embeds

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = super().embed_documents(texts)
        self._tell("embedded")
        self._embeds(self.fingerprint, texts)
        return vectors
