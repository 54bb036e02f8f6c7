"""The retriever: what the application imports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from types import TracebackType
from typing import Any, Literal

from rag.access import principal as as_principal
from rag.catalog import Catalog
from rag.catalog.revisions import unknown_version
from rag.embedding import Embedder
from rag.errors import IndexMissingError, IndexStoreError, ReleaseError, UnknownVersionError, UsageError
from rag.index import FILTER_KEYS, Bm25Encoder, IndexQuery, IndexStore, ScoredId
from rag.retrieval import reads
from rag.retrieval.hit import Hit
from rag.retrieval.readers import Readers
from rag.retrieval.scopes import Scopes

Mode = Literal["fused", "dense", "sparse"]
MOST_HITS = 1000


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """``candidates``: length of each leg before fusion. ``rrf_k``: see ``IndexQuery``."""

    candidates: int = 100
    rrf_k: int = 10

    @classmethod
    def of(cls, values: Mapping[str, int] | None) -> RetrievalSettings | None:
        """From ``to_dict``; None for None, as releases of old have none."""
        return None if values is None else cls(candidates=values["candidates"], rrf_k=values["rrf_k"])

    def to_dict(self) -> dict[str, int]:
        return {"candidates": self.candidates, "rrf_k": self.rrf_k}


EncodersOf = Callable[[Mapping[str, Any]], tuple[Embedder, Bm25Encoder]]


@dataclass(frozen=True, slots=True)
class _Target:
    """What one call searches, and the access epoch and number of erasures when that was settled."""

    version: int
    generation: int
    settings: RetrievalSettings
    epoch: int
    erased: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of one search, and the version that all of them come from."""

    version: int
    hits: list[Hit]


class Retriever:
    """Searches the promoted version on behalf of a principal.

    Safe to share between threads. Follows a promotion or rollback with the next search, without a restart.
    Access is judged twice: by the index before anything is ranked, and by the catalog for every hit.

    >>> with Retriever.open("lockgate.yaml") as retriever:            # doctest: +SKIP
    ...     for hit in retriever.search("How long is parental leave?", principal="user:ada@acme.example"):
    ...         print(hit.title, hit.text)
    """

    def __init__(
        self,
        catalog: Catalog,
        store: IndexStore,
        embedder: Embedder,
        bm25: Bm25Encoder,
        settings: RetrievalSettings | None = None,
        *,
        encoders_of: EncodersOf | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """``embedder``, ``bm25`` and ``settings`` are the configured ones. A version of another generation is
        searched with what ``encoders_of`` makes of ``Generation.settings``, and the promoted one with the
        settings of its release: a change of configuration reaches readers through the gate."""
        self._catalog = catalog
        self._embedder = embedder
        self._bm25 = bm25
        self._encoders_of = encoders_of or _no_others
        self._made: dict[int, tuple[Embedder, Bm25Encoder]] = {}
        self._recipes: dict[int, Mapping[str, Any]] = {}
        self._generations: dict[int, int | None] = {}
        self._served: dict[int, reads.Served] = {}
        self._settings = settings or RetrievalSettings()
        self._readers = Readers(store)
        self._on_close = on_close
        self._scopes = Scopes(catalog)

    @classmethod
    def open(cls, config: str | PathLike[str] = "lockgate.yaml") -> Retriever:
        """A retriever for the project of this ``lockgate.yaml``; close it, or use it in a ``with``.

        Raises ``ConfigurationError`` or ``CatalogError``.
        """
        from rag.composition import open_retriever  # the composition root knows this class

        return open_retriever(config)

    def search(
        self,
        query: str,
        *,
        principal: str,
        limit: int = 5,
        version: int | None = None,
        match: Mapping[str, str] | None = None,
        mode: Mode = "fused",
    ) -> list[Hit]:
        """At most ``limit`` (1 to 1000) passages that ``principal`` may read, best first.

        ``version`` pins a version, else the promoted one answers. ``match`` narrows by ``source``, ``format``
        or ``document``. ``mode`` searches with both vectors, or one alone.

        Raises ``PrincipalError`` without a principal, ``UsageError`` for a bad query, ``ReleaseError`` while
        nothing is promoted, ``UnknownVersionError``, and ``IndexStoreError`` where the index is damaged.
        """
        return self.search_version(
            query, principal=principal, limit=limit, version=version, match=match, mode=mode
        ).hits

    async def asearch(
        self,
        query: str,
        *,
        principal: str,
        limit: int = 5,
        version: int | None = None,
        match: Mapping[str, str] | None = None,
        mode: Mode = "fused",
    ) -> list[Hit]:
        """``search`` for asyncio: the work is done in a thread, the loop stays free."""
        return await asyncio.to_thread(
            partial(
                self.search,
                query,
                principal=principal,
                limit=limit,
                version=version,
                match=match,
                mode=mode,
            )
        )

    def search_version(
        self,
        query: str,
        *,
        principal: str,
        limit: int = 5,
        version: int | None = None,
        match: Mapping[str, str] | None = None,
        mode: Mode = "fused",
    ) -> SearchResult:
        """``search``, with the number of the version that answered."""
        as_principal(principal)
        _check(query, limit, match)

        def prepare(target: _Target) -> Callable[..., IndexQuery]:
            embedder, bm25 = self._encoders(target.generation)
            return partial(
                IndexQuery,
                dense=embedder.embed_queries([query])[0] if mode != "sparse" else None,
                sparse=bm25.query(query) if mode != "dense" else None,
                match=dict(match or {}),
                candidates=target.settings.candidates,
                rrf_k=target.settings.rrf_k,
            )

        return self._catalog.once_more(lambda: self._answer(prepare, principal, limit, version))

    def search_prepared(
        self, query: Callable[..., IndexQuery], *, principal: str, limit: int, version: int | None = None
    ) -> SearchResult:
        """``search_version`` for a query whose vectors are made: ``query(visibility=…, limit=…)`` completes it."""
        return self._catalog.once_more(lambda: self._answer(lambda _: query, principal, limit, version))

    def close(self) -> None:
        """Closes index, catalog and whatever was opened with the retriever."""
        self._readers.close()
        self._on_close()

    def __enter__(self) -> Retriever:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(
        self,
        prepare: Callable[[_Target], Callable[..., IndexQuery]],
        principal: str,
        limit: int,
        version: int | None,
    ) -> SearchResult:
        try:
            target = self._target(version)
            return self._search(prepare(target), principal, limit, target)
        except (IndexMissingError, UnknownVersionError):
            if version is not None:
                raise
            # The pointer moved on and the old version was swept between two looks; the new one is there.
            target = self._target(None)
            return self._search(prepare(target), principal, limit, target)

    def _target(self, version: int | None) -> _Target:
        """What is to be searched, and how: the promoted release as it was measured, or a version as configured."""
        with self._catalog.look() as connection:
            now = reads.moment(connection)
            if version is not None:
                if not reads.is_readable(connection, version):
                    raise unknown_version(version)
                known = self._generations.get(version)
                if known is None:
                    known = self._generations[version] = reads.generation_of(connection, version)
                assert known is not None
                return _Target(version, known, self._settings, now.epoch, now.erased)
        if now.release is None:
            raise ReleaseError(
                "nothing is promoted yet, so there is nothing to search", next_step="Run lockgate run first."
            )
        served = self._served.get(now.release)
        if served is None:
            with self._catalog.look() as connection:
                served = self._served[now.release] = reads.served_by(connection, now.release)
        settings = RetrievalSettings.of(served.settings.get("retrieval")) or self._settings
        return _Target(served.version, served.generation, settings, now.epoch, now.erased)

    def _encoders(self, generation: int) -> tuple[Embedder, Bm25Encoder]:
        """The embedder and BM25 that made the vectors of a generation: others would compare apples with pears."""
        known = self._made.get(generation)
        if known is None:
            made_with = self._made_with(generation)
            known = self._embedder, self._bm25
            if (made_with.get("embedder"), made_with.get("bm25")) != tuple(
                each.fingerprint for each in known
            ):
                known = self._encoders_of(made_with)
            self._made[generation] = known
        return known

    def _made_with(self, generation: int) -> Mapping[str, Any]:
        known = self._recipes.get(generation)
        if known is None:
            with self._catalog.look() as connection:
                known = self._recipes[generation] = reads.generation_settings(connection, generation)
        return known

    def _search(
        self, query: Callable[..., IndexQuery], principal: str, limit: int, target: _Target
    ) -> SearchResult:
        bm25 = str(self._made_with(target.generation).get("bm25"))
        scope = self._scopes.of(target.version, bm25, epoch=target.epoch, principal=principal)
        asking = scope.query(query(visibility=scope.visibility, limit=limit))
        with self._readers.reading(target.version, target.erased) as reader:
            asked = limit
            while True:
                found = reader.query(replace(asking, limit=asked))
                hits = self._judge(found, principal, limit, target.version)
                if len(hits) >= limit or len(found) < asked or asked > MOST_HITS:
                    return SearchResult(target.version, hits)
                asked *= 2  # some were denied since the filter was made: fill the page from further down

    def _judge(self, found: list[ScoredId], principal: str, limit: int, version: int) -> list[Hit]:
        """The hits that the catalog, asked now, lets ``principal`` read."""
        with self._catalog.look() as connection:
            # Swept while it was searched: what was found may be a part of it.
            if not reads.is_readable(connection, version):
                raise unknown_version(version)
            if not found:
                return []
            rows = reads.passages(connection, [each.id for each in found])
        epoch = next((row.epoch for row in rows.values()), 0)
        view = self._scopes.view(epoch)
        allowed = [
            (each.score, row)
            for each in found
            if (row := rows.get(each.id)) is not None and view.may_read(principal, row.rule_id)
        ]
        return [_hit(rank, score, row) for rank, (score, row) in enumerate(allowed[:limit], start=1)]


def _no_others(made_with: Mapping[str, Any]) -> tuple[Embedder, Bm25Encoder]:
    raise IndexStoreError(
        "this version was made with another embedder or BM25 than the configured one",
        where=str(made_with.get("embedder")),
        state="Nothing was searched: vectors of two embedders cannot be compared",
        next_step="Open the retriever with Retriever.open, which finds the embedder of each version",
    )


def _check(query: str, limit: int, match: Mapping[str, str] | None) -> None:
    if not query.strip():
        raise UsageError("the query is empty")
    if not 1 <= limit <= MOST_HITS:
        raise UsageError(f"the limit is {limit}; it must be from 1 to {MOST_HITS}")
    for key in match or {}:
        if key not in FILTER_KEYS:
            raise UsageError(f"cannot filter by {key!r}", next_step=f"Filter by {', '.join(FILTER_KEYS)}.")


def _hit(rank: int, score: float, row: reads.Passage) -> Hit:
    return Hit(
        rank=rank,
        score=score,
        document=row.document,
        title=row.title,
        uri=row.uri,
        text=row.text,
        modified_at=row.modified_at,
        span=(row.start, row.end),
        page=row.page,
        heading_path=tuple(row.heading_path),
    )
