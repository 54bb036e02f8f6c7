"""What comes back, and what never does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.catalog.tables import DocumentState, Version, VersionState
from rag.embedding import Vectors
from rag.errors import (
    IndexMissingError,
    PrincipalError,
    ReleaseError,
    UnknownVersionError,
    UsageError,
)
from rag.index import IndexQuery, IndexReader, ScoredId, Visibility
from rag.releases import roll_back
from rag.retrieval import MOST_HITS, RetrievalSettings, Retriever
from rag.retrieval import retriever as retriever_module
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.memory_store import MemoryReader, MemoryStore
from tests.support.source import MODIFIED_AT, MemorySource

pytestmark = pytest.mark.usefixtures("either_catalog")


def documents(retriever: Retriever, principal: str, query: str = "merger plan", limit: int = 10) -> list[str]:
    return [hit.document for hit in retriever.search(query, principal=principal, limit=limit)]


@pytest.mark.parametrize("principal", ["", "ada", "role:admin", "user:", "user:a b", None])
def test_without_a_principal_there_is_no_search(retriever: Retriever, principal: object) -> None:
    with pytest.raises(PrincipalError):
        retriever.search("plan", principal=principal)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", " ", "\n\t"])
def test_an_empty_query_is_an_error(retriever: Retriever, query: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        retriever.search(query, principal=ADA)


@pytest.mark.parametrize("limit", [0, -1, MOST_HITS + 1])
def test_a_limit_out_of_bounds_is_an_error(retriever: Retriever, limit: int) -> None:
    with pytest.raises(UsageError, match=f"the limit is {limit}"):
        retriever.search("plan", principal=ADA, limit=limit)


@pytest.mark.parametrize("limit", [1, 2, MOST_HITS])
def test_at_most_as_many_hits_as_asked_for(retriever: Retriever, limit: int) -> None:
    assert len(documents(retriever, ADA, limit=limit)) == min(limit, 2)


def test_an_unknown_filter_is_an_error_that_names_the_known_ones(retriever: Retriever) -> None:
    with pytest.raises(UsageError, match="cannot filter by 'owner'") as caught:
        retriever.search("plan", principal=ADA, match={"owner": "ada"})
    assert "source, format, document" in caught.value.next_step


def test_while_nothing_is_promoted_only_a_named_version_answers(tmp_path: Path, source: MemorySource) -> None:
    with Harness(tmp_path) as harness:
        retriever = harness.retriever()
        with pytest.raises(ReleaseError, match="nothing is promoted"):
            retriever.search("plan", principal=ADA)
        harness.ingest(source)
        with pytest.raises(ReleaseError, match="nothing is promoted"):
            retriever.search("plan", principal=ADA)
        assert retriever.search("plan", principal=BOB, version=1)[0].document == "s/menu"


@pytest.mark.parametrize("version", [0, -1, 2, 99])
def test_a_version_that_is_not_there_is_an_error(retriever: Retriever, version: int) -> None:
    with pytest.raises(UnknownVersionError, match=f"no version {version}"):
        retriever.search("plan", principal=ADA, version=version)


def test_a_version_that_is_being_built_is_not_there(harness: Harness, retriever: Retriever) -> None:
    with harness.catalog.write() as session:
        session.add(Version(number=2, generation_id=1, state=VersionState.BUILDING))
    with pytest.raises(UnknownVersionError):
        retriever.search("plan", principal=ADA, version=2)


def test_what_is_denied_never_comes_back_though_it_matches_best(retriever: Retriever) -> None:
    assert documents(retriever, ADA) == ["s/plan", "s/menu"]
    assert documents(retriever, BOB) == ["s/menu"]
    assert documents(retriever, "public") == ["s/menu"]
    assert documents(retriever, "user:ADA") == ["s/menu"]
    assert documents(retriever, BOB, query="merger plan secret", limit=1) == ["s/menu"]


def test_scores_do_not_tell_that_hidden_documents_are_there(
    tmp_path: Path, harness: Harness, retriever: Retriever
) -> None:
    alone = MemorySource()
    alone.put("menu", "lunch menu plan", "public")
    (tmp_path / "alone").mkdir()
    with Harness(tmp_path / "alone") as other:
        other.ingest(alone)
        other.promote()
        expected = [hit.to_dict() for hit in other.retriever().search("plan menu", principal=BOB)]
    assert [hit.to_dict() for hit in retriever.search("plan menu", principal=BOB)] == expected


def test_a_hit_carries_what_an_answer_cites(retriever: Retriever) -> None:
    hit = retriever.search("merger plan", principal=ADA, limit=1)[0]
    assert (hit.rank, hit.document, hit.title) == (1, "s/plan", "The plan")
    assert (hit.uri, hit.text, hit.span) == ("https://wiki.example/plan", "merger plan", (0, 11))
    assert (hit.modified_at, hit.page, hit.heading_path) == (MODIFIED_AT, None, ())
    assert hit.to_dict()["modified_at"] == "2026-03-04T05:06:07+00:00"
    assert hit.to_dict()["span"] == [0, 11]


def test_ranks_count_from_1_and_scores_fall(retriever: Retriever) -> None:
    hits = retriever.search("merger plan", principal=ADA, limit=10)
    assert [hit.rank for hit in hits] == [1, 2]
    assert hits[0].score > hits[1].score


@pytest.mark.parametrize("mode", ["fused", "dense", "sparse"])
def test_every_mode_keeps_to_the_rules(retriever: Retriever, mode: str) -> None:
    found = retriever.search("merger plan", principal=BOB, mode=mode)  # type: ignore[arg-type]
    assert [hit.document for hit in found] == ["s/menu"]


def test_filters_narrow_and_open_nothing(retriever: Retriever) -> None:
    def found(principal: str, **match: str) -> list[str]:
        return [hit.document for hit in retriever.search("plan", principal=principal, match=match)]

    assert found(ADA, document="s/plan") == ["s/plan"]
    assert found(BOB, document="s/plan") == []
    assert found(BOB, source="s", format="txt") == ["s/menu"]
    assert found(BOB, source="t") == []


def test_asearch_finds_what_search_finds(retriever: Retriever) -> None:
    async def both() -> list[list[str]]:
        found = await asyncio.gather(
            *(retriever.asearch("merger plan", principal=who, limit=3) for who in (ADA, BOB, EVE))
        )
        return [[hit.document for hit in hits] for hits in found]

    assert asyncio.run(both()) == [documents(retriever, who, limit=3) for who in (ADA, BOB, EVE)]


def test_asearch_raises_what_search_raises(retriever: Retriever) -> None:
    with pytest.raises(PrincipalError):
        asyncio.run(retriever.asearch("plan", principal=""))


def test_a_revoked_rule_works_at_once_on_every_version(
    harness: Harness, retriever: Retriever, source: MemorySource
) -> None:
    source.allow("plan", "user:bob")
    harness.ingest(source)
    assert harness.latest == 1
    for each in (retriever, harness.retriever()):
        assert documents(each, ADA) == ["s/menu"]
        assert documents(each, BOB) == ["s/plan", "s/menu"]


def test_a_rule_that_never_was_before_works_at_once_too(
    harness: Harness, retriever: Retriever, source: MemorySource
) -> None:
    source.allow("plan", "user:eve", "group:new", deny=("user:ada",))
    harness.ingest(source)
    assert documents(retriever, ADA) == ["s/menu"]
    assert documents(retriever, EVE) == ["s/plan", "s/menu"]


def test_a_rule_may_go_back_and_forth(harness: Harness, retriever: Retriever, source: MemorySource) -> None:
    for _ in range(3):
        source.allow("plan", "user:bob")
        harness.ingest(source)
        assert (documents(retriever, ADA), documents(retriever, BOB)) == (["s/menu"], ["s/plan", "s/menu"])
        source.allow("plan", "user:ada")
        harness.ingest(source)
        assert (documents(retriever, ADA), documents(retriever, BOB)) == (["s/plan", "s/menu"], ["s/menu"])


def test_groups_open_and_close_at_once_however_deep_they_nest(harness: Harness, retriever: Retriever) -> None:
    assert documents(retriever, BOB, "signing keys") == ["s/menu"]
    harness.set_groups({"group:eng": {"group:team"}, "group:team": {"group:squad"}, "group:squad": {BOB}})
    assert documents(retriever, BOB, "signing keys")[0] == "s/keys"
    assert documents(retriever, ADA, "signing keys")[0] != "s/keys"
    harness.set_groups({"group:eng": {"group:team"}, "group:squad": {BOB}})
    assert documents(retriever, BOB, "signing keys") == ["s/menu"]
    harness.set_groups({"group:eng": {BOB}, "group:a": {"group:b"}, "group:b": {"group:a", BOB}})
    assert documents(retriever, BOB, "signing keys")[0] == "s/keys"


def test_a_purged_document_never_comes_back(harness: Harness, retriever: Retriever) -> None:
    with harness.catalog.write() as session:
        harness.row("s/plan", session).state = DocumentState.PURGED
    for each in (retriever, harness.retriever()):
        assert documents(each, ADA) == ["s/menu"]
        assert documents(each, ADA, limit=1) == ["s/menu"]


def test_a_chunk_that_the_catalog_does_not_know_is_dropped(harness: Harness, retriever: Retriever) -> None:
    assert isinstance(harness.store, MemoryStore)
    points = harness.store.versions[1]
    stray = next(iter(points.values()))
    points[999] = type(stray)(999, stray.dense, stray.sparse, stray.rule, stray.document, stray.keys)
    assert documents(harness.retriever(), ADA) == ["s/plan", "s/menu"]


class StaleReader:
    """Answers as if everybody could see everything: the filter of an index that knows no better."""

    def __init__(self, reader: MemoryReader, asked: list[int]) -> None:
        self._reader, self._asked = reader, asked
        self.points = reader.points

    def query(self, query: IndexQuery) -> list[ScoredId]:
        self._asked.append(query.limit)
        everything = Visibility(frozenset(range(100)))
        return self._reader.query(
            IndexQuery(everything, query.limit, query.dense, query.sparse, query.match, query.candidates)
        )

    def rules_of(self, documents: Collection[int]) -> dict[int, frozenset[int]]:
        return self._reader.rules_of(documents)

    def vectors_of(self, documents: Collection[int]) -> dict[int, Vectors]:
        return self._reader.vectors_of(documents)

    def close(self) -> None: ...


class StaleStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def open(self, version: int) -> IndexReader:  # type: ignore[override]
        return StaleReader(super().open(version), self.asked)


def test_a_page_is_refilled_when_the_catalog_drops_hits_of_a_stale_index(tmp_path: Path) -> None:
    source, store = MemorySource(), StaleStore()
    for number in range(40):
        source.put(f"hidden{number:02}", "merger plan", "user:ada")
    for number in range(10):
        source.put(f"open{number}", f"merger plan and {'other ' * (number + 1)}words", "public")
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        harness.promote()
        found = documents(harness.retriever(), BOB, limit=5)
    assert len(found) == 5
    assert all(document.startswith("s/open") for document in found)
    assert store.asked == [5, 10, 20, 40, 80]


def test_a_page_ends_where_there_is_nothing_more_to_see(tmp_path: Path) -> None:
    source, store = MemorySource(), StaleStore()
    for number in range(30):
        source.put(f"hidden{number:02}", "merger plan", "user:ada")
    source.put("open", "merger", "public")
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        harness.promote()
        assert documents(harness.retriever(), BOB, limit=5) == ["s/open"]
    assert store.asked == [5, 10, 20, 40]


def test_a_page_is_not_refilled_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retriever_module, "MOST_HITS", 8)
    source, store = MemorySource(), StaleStore()
    for number in range(60):
        source.put(f"hidden{number:02}", "merger plan", "user:ada")
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        harness.promote()
        assert documents(harness.retriever(), BOB, limit=8) == []
    assert store.asked == [8, 16]


def test_a_search_follows_promotion_and_rollback_without_being_reopened(
    harness: Harness, retriever: Retriever, source: MemorySource
) -> None:
    source.put("plan", "merger plan revised", "user:ada")
    harness.ingest(source)
    assert retriever.search_version("merger plan", principal=ADA).version == 1
    assert retriever.search("merger plan", principal=ADA)[0].text == "merger plan"
    harness.promote()
    assert retriever.search_version("merger plan", principal=ADA).version == 2
    assert retriever.search("merger plan", principal=ADA)[0].text == "merger plan revised"
    assert retriever.search("merger plan", principal=ADA, version=1)[0].text == "merger plan"
    with harness.catalog.write() as session:
        roll_back(session)
    assert retriever.search("merger plan", principal=ADA)[0].text == "merger plan"


def test_a_rollback_brings_back_content_and_no_access(
    harness: Harness, retriever: Retriever, source: MemorySource
) -> None:
    source.put("plan", "merger plan revised", "user:bob")
    harness.ingest(source)
    harness.promote()
    with harness.catalog.write() as session:
        roll_back(session)
    assert documents(retriever, ADA) == ["s/menu"]
    assert [hit.text for hit in retriever.search("merger", principal=BOB, limit=1)] == ["merger plan"]


def test_a_version_swept_away_under_a_pinned_search_is_an_error(
    harness: Harness, source: MemorySource
) -> None:
    source.put("plan", "merger plan revised", "user:ada")
    harness.ingest(source)
    harness.promote()
    harness.store.drop(1)
    retriever = harness.retriever()
    with pytest.raises(IndexMissingError):
        retriever.search("plan", principal=ADA, version=1)
    assert retriever.search_version("plan", principal=ADA).version == 2


def test_a_version_swept_away_between_two_looks_is_looked_up_once_more(
    harness: Harness, source: MemorySource
) -> None:
    source.put("plan", "merger plan revised", "user:ada")
    harness.ingest(source)

    class SweptStore(MemoryStore):
        """Version 1 goes, and 2 is promoted, just when somebody wants to open 1."""

        def open(self, version: int) -> MemoryReader:
            if version == 1 and 1 in self.versions:
                harness.promote(2)
                self.drop(1)
            return super().open(version)

    swept = SweptStore()
    assert isinstance(harness.store, MemoryStore)
    swept.versions = dict(harness.store.versions)
    with Retriever(harness.catalog, swept, harness.embedder, harness.bm25) as retriever:
        found = retriever.search_version("merger plan", principal=ADA)
    assert found.version == 2
    assert found.hits[0].text == "merger plan revised"


def test_searches_go_on_while_the_pointer_moves_each_within_one_version(
    harness: Harness, source: MemorySource
) -> None:
    for id in source.pages:
        source.pages[id].text += " second edition"
    harness.ingest(source)
    stop = threading.Event()
    retriever = harness.retriever()

    def reading(principal: str) -> int:
        searches = 0
        while not stop.is_set() or not searches:
            found = retriever.search_version("merger plan", principal=principal, limit=10)
            editions = {"second edition" in hit.text for hit in found.hits}
            assert editions == {found.version == 2}
            wanted = {"s/plan", "s/menu"} if principal == ADA else {"s/menu"}
            assert {hit.document for hit in found.hits} == wanted
            searches += 1
        return searches

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(reading, (ADA, BOB)[number % 2]) for number in range(8)]
        for _ in range(10):
            harness.promote(2)
            with harness.catalog.write() as session:
                roll_back(session, to=1)
        stop.set()
        assert all(reader.result() > 0 for reader in readers)


def test_the_candidates_bound_the_legs_of_a_fused_search(harness: Harness) -> None:
    asked: list[tuple[int, int]] = []

    class Noting(MemoryStore):
        def open(self, version: int) -> IndexReader:  # type: ignore[override]
            reader = super().open(version)

            class Reader(MemoryReader):
                def query(self, query: IndexQuery) -> list[ScoredId]:
                    asked.append((query.candidates, query.rrf_k))
                    return reader.query(query)

            return Reader({})

    store = Noting()
    assert isinstance(harness.store, MemoryStore)
    store.versions = harness.store.versions
    chosen = RetrievalSettings(candidates=7, rrf_k=3)
    with Retriever(harness.catalog, store, harness.embedder, harness.bm25, chosen) as retriever:
        retriever.search("plan", principal=ADA)
    assert set(asked) == {(7, 3)}


def test_a_question_in_any_script_is_searched(retriever: Retriever) -> None:
    odd: Iterable[Sequence[str]] = (["日本語"], ["¿qué?"], ["💥"], ["the"], ["\x00"], ["a" * 50_000])
    for (query,) in odd:
        assert all(hit.document == "s/menu" for hit in retriever.search(query, principal=BOB))
