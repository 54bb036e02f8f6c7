"""The retriever: what the application imports."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from types import TracebackType
from typing import Literal

from rag.access import AccessView
from rag.access import principal as as_principal
from rag.catalog import Catalog, load_access
from rag.embedding import Embedder
from rag.errors import IndexMissingError, ReleaseError, UnknownVersionError, UsageError
from rag.index import FILTER_KEYS, Bm25Encoder, IndexQuery, IndexStore, ScoredId, Visibility
from rag.retrieval import reads
from rag.retrieval.hit import Hit
from rag.retrieval.readers import Readers

Mode = Literal["fused", "dense", "sparse"]
MOST_HITS = 1000


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """``candidates``: length of each leg before fusion. ``rrf_k``: see ``IndexQuery``."""

    candidates: int = 100
    rrf_k: int = 10


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
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._bm25 = bm25
        self._settings = settings or RetrievalSettings()
        self._readers = Readers(store)
        self._on_close = on_close
        self._lock = threading.Lock()
        self._access: AccessView | None = None
        self._moved: dict[int, tuple[int, dict[int, int | None]]] = {}

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
        prepared = partial(
            IndexQuery,
            dense=self._embedder.embed_queries([query])[0] if mode != "sparse" else None,
            sparse=self._bm25.query(query) if mode != "dense" else None,
            match=dict(match or {}),
            candidates=self._settings.candidates,
            rrf_k=self._settings.rrf_k,
        )
        return self.search_prepared(prepared, principal=principal, limit=limit, version=version)

    def search_prepared(
        self, query: Callable[..., IndexQuery], *, principal: str, limit: int, version: int | None = None
    ) -> SearchResult:
        """``search_version`` for a query whose vectors are made: ``query(visibility=…, limit=…)`` completes it."""
        try:
            return self._search(query, principal, limit, version)
        except IndexMissingError:
            if version is not None:
                raise
            # The pointer moved on and the old version was swept between two looks; the new one is there.
            return self._search(query, principal, limit, version)

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

    def _search(
        self, query: Callable[..., IndexQuery], principal: str, limit: int, version: int | None
    ) -> SearchResult:
        with self._catalog.look() as connection:
            now = reads.moment(connection)
            if version is not None and not reads.is_sealed(connection, version):
                raise UnknownVersionError(
                    f"there is no version {version}",
                    next_step="See lockgate status for the versions there are.",
                )
        pinned = version if version is not None else now.version
        if pinned is None:
            raise ReleaseError(
                "nothing is promoted yet, so there is nothing to search", next_step="Run lockgate run first."
            )
        visibility = self._visibility(pinned, now.epoch, principal)
        with self._readers.reading(pinned) as reader:
            asked = limit
            while True:
                found = reader.query(query(visibility=visibility, limit=asked))
                hits = self._judge(found, principal, limit)
                if len(hits) >= limit or len(found) < asked or asked > MOST_HITS:
                    return SearchResult(pinned, hits)
                asked *= 2  # some were denied since the filter was made: fill the page from further down

    def _judge(self, found: list[ScoredId], principal: str, limit: int) -> list[Hit]:
        """The hits that the catalog, asked now, lets ``principal`` read."""
        if not found:
            return []
        with self._catalog.look() as connection:
            rows = reads.passages(connection, [each.id for each in found])
        epoch = next((row.epoch for row in rows.values()), 0)
        view = self._view(epoch)
        allowed = [
            (each.score, row)
            for each in found
            if (row := rows.get(each.id)) is not None and view.may_read(principal, row.rule_id)
        ]
        return [_hit(rank, score, row) for rank, (score, row) in enumerate(allowed[:limit], start=1)]

    def _view(self, epoch: int) -> AccessView:
        view = self._access
        if view is None or view.epoch < epoch:
            with self._catalog.connect() as connection:
                view = load_access(connection)
            with self._lock:
                if self._access is None or self._access.epoch < view.epoch:
                    self._access = view
        return view

    def _visibility(self, version: int, epoch: int, principal: str) -> Visibility:
        view = self._view(epoch)
        known = self._moved.get(version)
        if known is None or known[0] < view.epoch:
            with self._catalog.connect() as connection:
                epoch = reads.moment(connection).epoch
                known = (epoch, reads.moved_documents(connection, version))
            with self._lock:
                self._moved[version] = known
        moved = known[1]
        return Visibility(
            rules=view.visible(principal),
            moved=frozenset(moved),
            granted=frozenset(id for id, rule in moved.items() if view.may_read(principal, rule)),
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
