"""The retriever: what the application imports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from types import TracebackType
from typing import Any, Literal, NamedTuple

from rag.access import Subject
from rag.access import principal as as_principal
from rag.catalog import Catalog
from rag.catalog.revisions import unknown_version
from rag.embedding import Embedder
from rag.errors import (
    IndexMissingError,
    IndexStoreError,
    ReleaseError,
    TokenError,
    UnknownVersionError,
    UsageError,
)
from rag.identity import TokenVerifier
from rag.index import FILTER_KEYS, Bm25Encoder, IndexQuery, IndexStore, ScoredId
from rag.retrieval import reads
from rag.retrieval.access_log import AccessLog, Asked
from rag.retrieval.hit import Hit
from rag.retrieval.query_cache import Moment, QueryCache
from rag.retrieval.readers import Readers
from rag.retrieval.retrieval_settings import RetrievalSettings
from rag.retrieval.scopes import Scopes

Mode = Literal["fused", "dense", "sparse"]
MOST_HITS = 1000


EncodersOf = Callable[[Mapping[str, Any]], tuple[Embedder, Bm25Encoder]]


class _Question(NamedTuple):
    """One call: who asks, how many passages at most, the version if one is named, how to make the query for what
    is searched, and by what to know the same query again (None: not at all)."""

    subject: Subject
    limit: int
    version: int | None
    prepare: Callable[[_Target], Callable[..., IndexQuery]]
    key: Hashable | None


class _Answer(NamedTuple):
    """What the catalog let through, best first, with scores; and by which version and access epoch."""

    version: int
    epoch: int
    passages: Sequence[tuple[float, reads.Passage]]

    def result(self) -> SearchResult:
        hits = [Hit.of(rank, *passage) for rank, passage in enumerate(self.passages, start=1)]
        return SearchResult(self.version, hits)


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
        verifier: TokenVerifier | None = None,
        cache: QueryCache | None = None,
        log: AccessLog | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """``embedder``, ``bm25`` and ``settings`` are the configured ones. A version of another generation is
        searched with what ``encoders_of`` makes of ``Generation.settings``, and the promoted one with the
        settings of its release: a change of configuration reaches readers through the gate.

        Without a ``verifier`` no token is taken, without a ``cache`` or a ``log`` nothing is kept."""
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
        self._verifier = verifier
        self._cache = cache if cache is not None else QueryCache(0)
        self._log = log
        self._on_close = on_close
        self._scopes = Scopes(catalog)

    @classmethod
    def open(
        cls, config: str | PathLike[str] = "lockgate.yaml", *, application: str | None = None
    ) -> Retriever:
        """A retriever for the project of this ``lockgate.yaml``; close it, or use it in a ``with``.

        ``application`` is what the access log calls the program that asks; its file name if left out. Raises
        ``ConfigurationError`` or ``CatalogError``.
        """
        from rag.composition import open_retriever  # the composition root knows this class

        return open_retriever(config, application=application)

    def search(
        self,
        query: str,
        *,
        principal: str | None = None,
        token: str | None = None,
        limit: int = 5,
        version: int | None = None,
        match: Mapping[str, str] | None = None,
        mode: Mode = "fused",
    ) -> list[Hit]:
        """At most ``limit`` (1 to 1000) passages that ``principal`` may read, best first.

        Instead of a principal, ``token`` says who asks: one that the issuer of ``identity`` in ``lockgate.yaml``
        has signed. The groups and the tenant that it asserts count beside those that directories know.

        ``version`` pins a version, else the promoted one answers. ``match`` narrows by ``source``, ``format``
        or ``document``. ``mode`` searches with both vectors, or one alone.

        Raises ``PrincipalError`` where nobody asks, ``TokenError`` for a token that does not prove who does,
        ``UsageError`` for a bad query, ``ReleaseError`` while nothing is promoted, ``UnknownVersionError``,
        ``IndexStoreError`` where the index is damaged, and ``AccessLogError`` where what was asked cannot be
        noted down: then nothing is given either.
        """
        return self.search_version(
            query,
            principal=principal,
            token=token,
            limit=limit,
            version=version,
            match=match,
            mode=mode,
        ).hits

    async def asearch(
        self,
        query: str,
        *,
        principal: str | None = None,
        token: str | None = None,
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
                token=token,
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
        principal: str | None = None,
        token: str | None = None,
        limit: int = 5,
        version: int | None = None,
        match: Mapping[str, str] | None = None,
        mode: Mode = "fused",
    ) -> SearchResult:
        """``search``, with the number of the version that answered."""
        subject = self._subject(principal, token)
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

        key = (query, mode, tuple(sorted((match or {}).items())))
        found = self._answered(_Question(subject, limit, version, prepare, key))
        if self._log is not None:
            returned = [(row.document, row.id, row.rule_id) for _, row in found.passages]
            asked = Asked(query, subject, token is not None, mode, limit, dict(match or {}))
            self._log.note(asked, version=found.version, epoch=found.epoch, returned=returned)
        return found.result()

    def search_prepared(
        self, query: Callable[..., IndexQuery], *, principal: str, limit: int, version: int | None = None
    ) -> SearchResult:
        """``search_version`` for a query whose vectors are made: ``query(visibility=…, limit=…)`` completes it.
        For measuring: it is neither kept nor noted down."""
        question = _Question(Subject(principal), limit, version, lambda _: query, None)
        return self._answered(question).result()

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

    def _subject(self, principal: str | None, token: str | None) -> Subject:
        if token is None:
            return Subject(as_principal(principal))
        if principal is not None:
            raise UsageError(
                "a principal and a token were given", next_step="Give the one that says who asks, not both."
            )
        if self._verifier is None:
            raise TokenError(
                "no tokens are taken here", next_step="Name their issuer: identity in lockgate.yaml."
            )
        identity = self._verifier.verify(token)
        return Subject(identity.principal, identity.also)

    def _answered(self, question: _Question) -> _Answer:
        return self._catalog.once_more(lambda: self._answer(question))

    def _answer(self, question: _Question) -> _Answer:
        try:
            return self._search(question, self._target(question.version))
        except (IndexMissingError, UnknownVersionError):
            if question.version is not None:
                raise
            # The pointer moved on and the old version was swept between two looks; the new one is there.
            return self._search(question, self._target(None))

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

    def _search(self, question: _Question, target: _Target) -> _Answer:
        bm25 = str(self._made_with(target.generation).get("bm25"))
        scope = self._scopes.of(target.version, bm25, epoch=target.epoch, subject=question.subject)
        moment = Moment(scope.view.epoch, target.erased)
        # By what may be seen and not by who asks: the same for all who may see the same.
        key = question.key and (
            target.version,
            target.settings,
            scope.visibility,
            question.limit,
            question.key,
        )
        if key is not None and (kept := self._cache.get(moment, key)) is not None:
            answer = self._judge(kept, question, target.version)
            if len(answer.passages) == min(len(kept), question.limit):
                return answer
        prepared = question.prepare(target)
        asking = scope.query(prepared(visibility=scope.visibility, limit=question.limit))
        with self._readers.reading(target.version, target.erased) as reader:
            asked = question.limit
            while True:
                found = reader.query(replace(asking, limit=asked))
                answer = self._judge(found, question, target.version)
                full = len(answer.passages) >= question.limit
                if full or len(found) < asked or asked > MOST_HITS:
                    break
                asked *= 2  # some were denied since the filter was made: fill the page from further down
        if key is not None:
            self._cache.put(moment, key, found)
        return answer

    def _judge(self, found: Sequence[ScoredId], question: _Question, version: int) -> _Answer:
        """What the catalog, asked now, lets the subject read."""
        with self._catalog.look() as connection:
            rows = reads.passages(connection, version, [each.id for each in found])
        epoch = next((row.epoch for row in rows.values()), 0)
        view = self._scopes.view(epoch)
        visible = view.visible(question.subject)
        allowed = [
            (each.score, row)
            for each in found
            if (row := rows.get(each.id)) is not None and row.rule_id in visible
        ]
        return _Answer(version, view.epoch, allowed[: question.limit])


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
