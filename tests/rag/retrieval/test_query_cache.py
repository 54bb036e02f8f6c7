"""What is kept of searches: for those who may see the same, until anything of access changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from rag.embedding import Vectors
from rag.index import IndexQuery, IndexReader, ScoredId, Visibility
from rag.maintenance.purge import purge
from rag.retrieval import QueryCache, Retriever
from rag.retrieval.query_cache import Moment
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource

EARLY, LATE, ERASED = Moment(1, 0), Moment(2, 0), Moment(2, 1)
FOUND = (ScoredId(7, 0.5),)


def test_what_was_put_is_found_again_at_the_same_moment_alone() -> None:
    cache = QueryCache(10)
    cache.put(EARLY, "a", FOUND)
    assert cache.get(EARLY, "a") == FOUND
    assert cache.get(EARLY, "b") is None
    assert cache.get(LATE, "a") is None
    cache.put(EARLY, "a", FOUND)
    assert cache.get(EARLY, "a") is None


def test_a_search_that_began_before_a_change_keeps_nothing_after_it() -> None:
    cache = QueryCache(10)
    cache.put(LATE, "a", FOUND)
    cache.put(EARLY, "b", FOUND)
    assert cache.get(EARLY, "b") is None
    assert cache.get(LATE, "b") is None
    assert cache.get(LATE, "a") == FOUND
    assert cache.get(ERASED, "a") is None


def test_of_too_many_the_one_that_was_used_longest_ago_goes() -> None:
    cache = QueryCache(2)
    cache.put(EARLY, "a", FOUND)
    cache.put(EARLY, "b", FOUND)
    assert cache.get(EARLY, "a") == FOUND
    cache.put(EARLY, "c", FOUND)
    assert [cache.get(EARLY, key) for key in "abc"] == [FOUND, None, FOUND]


def test_a_cache_of_no_size_keeps_nothing() -> None:
    cache = QueryCache(0)
    cache.put(EARLY, "a", FOUND)
    assert cache.get(EARLY, "a") is None


class CountingStore(MemoryStore):
    """Counts the questions that reach the index."""

    asked = 0

    def open(self, version: int) -> CountingReader:  # type: ignore[override]  # a reader of its own
        return CountingReader(self, super().open(version))


class CountingReader:
    def __init__(self, store: CountingStore, inner: IndexReader) -> None:
        self._store, self._inner = store, inner
        self.points = inner.points

    def query(self, query: IndexQuery) -> list[ScoredId]:
        self._store.asked += 1
        return self._inner.query(query)

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        return self._inner.rules_of(documents)

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        return self._inner.vectors_of(documents)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def harness(tmp_path: Path, source: MemorySource, store: CountingStore) -> Iterator[Harness]:
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        harness.promote()
        yield harness


def documents(retriever: Retriever, principal: str, query: str = "plan", limit: int = 10) -> list[str]:
    return [hit.document for hit in retriever.search(query, principal=principal, limit=limit)]


def test_the_same_search_asks_the_index_once_and_answers_alike(
    harness: Harness, store: CountingStore
) -> None:
    retriever = harness.retriever()
    first = retriever.search("plan", principal=ADA)
    assert retriever.search("plan", principal=ADA) == first
    assert store.asked == 1


@pytest.mark.parametrize("other", [{"limit": 1}, {"mode": "dense"}, {"match": {"document": "s/menu"}}])
def test_another_search_is_another_one(harness: Harness, store: CountingStore, other: dict[str, str]) -> None:
    retriever = harness.retriever()
    retriever.search("plan", principal=ADA)
    retriever.search("plan", principal=ADA, **other)  # type: ignore[arg-type]  # one of them
    assert store.asked == 2


def test_who_may_see_the_same_shares_it_and_nobody_else_does(harness: Harness, store: CountingStore) -> None:
    retriever = harness.retriever()
    assert documents(retriever, BOB) == documents(retriever, EVE) == ["s/menu"]
    assert store.asked == 1
    assert sorted(documents(retriever, ADA)) == ["s/menu", "s/plan"]
    assert store.asked == 2


def test_a_revocation_empties_it(harness: Harness, store: CountingStore, source: MemorySource) -> None:
    retriever = harness.retriever()
    assert "s/plan" in documents(retriever, ADA)
    source.allow("plan", "user:bob")
    harness.ingest(source)
    assert documents(retriever, ADA) == ["s/menu"]
    assert sorted(documents(retriever, BOB)) == ["s/menu", "s/plan"]
    assert store.asked == 3


def test_a_change_of_membership_empties_it(harness: Harness) -> None:
    retriever = harness.retriever()
    assert "s/keys" not in documents(retriever, ADA)
    harness.set_groups({"group:eng": {ADA}})
    assert "s/keys" in documents(retriever, ADA)
    harness.set_groups({"group:eng": set()})
    assert "s/keys" not in documents(retriever, ADA)


def test_a_purge_empties_it(harness: Harness) -> None:
    retriever = harness.retriever()
    assert "s/menu" in documents(retriever, ADA)
    purge(harness.catalog, "s/menu", by="a test")
    assert documents(retriever, ADA) == ["s/plan"]


def test_a_promotion_is_answered_by_the_new_version(harness: Harness, source: MemorySource) -> None:
    retriever = harness.retriever()
    assert documents(retriever, BOB) == ["s/menu"]
    source.put("news", "a new plan", "public")
    harness.ingest(source)
    assert documents(retriever, BOB) == ["s/menu"]
    harness.promote()
    assert sorted(documents(retriever, BOB)) == ["s/menu", "s/news"]


class Overtaken(QueryCache):
    """Gives what was found before some of it was denied: between two looks of a search, that can be."""

    def __init__(self, kept: Sequence[ScoredId]) -> None:
        super().__init__(10)
        self._all = tuple(kept)

    def get(self, moment: Moment, key: object) -> tuple[ScoredId, ...]:
        return self._all


def test_what_was_kept_is_judged_again_and_the_page_filled_from_the_index(
    harness: Harness, store: CountingStore
) -> None:
    with closing(harness.store.open(1)) as reader:
        everything = Visibility(frozenset(range(100)))
        every = reader.query(IndexQuery(everything, 10, dense=harness.embedder.embed_queries(["plan"])[0]))
    retriever = Retriever(harness.catalog, store, harness.embedder, harness.bm25, cache=Overtaken(every))
    before = store.asked
    with retriever:
        assert documents(retriever, BOB) == documents(harness.retriever(), BOB) == ["s/menu"]
    assert store.asked == before + 2
