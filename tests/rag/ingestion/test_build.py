"""What a new version is made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from rag.catalog.tables import ChunkRow, Generation, Version
from rag.embedding import VectorCache
from rag.index import Bm25Encoder, EdgeStore
from rag.ingestion import record_listings
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness
from tests.support.memory_store import MemoryBuilder, MemoryStore
from tests.support.source import MemorySource

pytestmark = pytest.mark.usefixtures("either_catalog")


class WatchedStore(MemoryStore):
    """Remembers what each version was copied from."""

    def __init__(self) -> None:
        super().__init__()
        self.bases: dict[int, int | None] = {}

    def build(self, version: int, *, dimension: int, base: int | None) -> MemoryBuilder:
        self.bases[version] = base
        return super().build(version, dimension=dimension, base=base)


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def watched(tmp_path: Path, store: WatchedStore) -> Iterator[Harness]:
    with Harness(tmp_path, store=store) as harness:
        yield harness


def generations(harness: Harness) -> dict[int, int]:
    """``{version: generation}``"""
    with harness.catalog.read() as session:
        return {row.number: row.generation_id for row in session.scalars(select(Version))}


def test_the_first_version_is_built_from_nothing_and_the_next_from_the_last(
    watched: Harness, store: WatchedStore, source: MemorySource
) -> None:
    watched.ingest(source)
    source.put("d", "delta text", "public")
    watched.ingest(source)
    source.remove("a")
    watched.ingest(source)
    assert store.bases == {1: None, 2: 1, 3: 2}
    assert [store.open(version).points for version in (1, 2, 3)] == [3, 4, 3]


def test_a_version_is_told_how_much_it_holds(watched: Harness, source: MemorySource) -> None:
    source.put("long", ("one " * 25).strip() + "\n\n" + ("two " * 25).strip(), "public")
    watched.ingest(source)
    with watched.catalog.read() as session:
        version = session.get_one(Version, 1)
    assert (version.documents, version.chunks) == (4, 5)
    assert version.corpus is not None
    assert version.sealed_at is not None


def test_the_same_content_gives_the_same_digest_of_the_corpus(tmp_path: Path, source: MemorySource) -> None:
    digests = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        with Harness(tmp_path / name) as harness:
            if name == "other":
                source.put("z", "zeta text", "public")
                harness.ingest(source)
                source.remove("z")
            harness.ingest(source)
            with harness.catalog.read() as session:
                latest = harness.latest
                assert latest is not None
                digests.append(session.get_one(Version, latest).corpus)
    assert digests[0] == digests[1]


def test_no_change_makes_no_version(watched: Harness, store: WatchedStore, source: MemorySource) -> None:
    watched.ingest(source)
    watched.ingest(source)
    source.put("d", "delta text", "public")
    source.unreadable = {"d"}
    watched.ingest(source)
    assert store.bases == {1: None}
    assert watched.versions() == {1: "candidate"}


def test_another_chunk_size_is_another_generation_built_beside_the_first(
    watched: Harness, store: WatchedStore, source: MemorySource
) -> None:
    long = " ".join(f"word{number}" for number in range(60))
    source.put("long", long, "public")
    watched.ingest(source)
    watched.promote()
    watched.set_max_tokens(80)
    counts = watched.ingest(source)
    assert counts.changed == 4
    assert store.bases == {1: None, 2: None}
    assert generations(watched) == {1: 1, 2: 2}
    assert len(watched.texts(1)["s/long"]) > 1
    assert watched.texts(2)["s/long"] == [long]
    assert watched.versions() == {1: "promoted", 2: "candidate"}
    assert len(watched.readable(ADA)) > len(watched.readable(ADA, 2))
    source.put("a", "alpha text revised", "user:ada")
    watched.ingest(source)
    assert store.bases[3] == 2


def test_another_embedder_embeds_everything_anew_beside_the_first(
    watched: Harness, store: WatchedStore, source: MemorySource
) -> None:
    watched.ingest(source)
    other = WordEmbedder(fingerprint="other words", dimension=32)
    cache = VectorCache(watched.root / "vectors.sqlite", fingerprint=other.fingerprint)
    first_cache, watched.embedder, watched.cache = watched.cache, other, cache
    watched.set_max_tokens(40)
    watched.ingest(source)
    assert sorted(other.embedded) == ["a\nalpha text", "b\nbeta text", "c\ngamma text"]
    assert store.bases == {1: None, 2: None}
    assert watched.readable(ADA, 2) == ["alpha text", "gamma text"]
    assert first_cache.missing(cache_keys(watched)) == []
    first_cache.close()


def cache_keys(harness: Harness) -> list[str]:
    with harness.catalog.connect() as connection:
        return list(connection.scalars(select(col(ChunkRow.text_hash))))


def test_other_bm25_settings_rebuild_the_index_and_parse_and_embed_nothing(
    watched: Harness, store: WatchedStore, source: MemorySource
) -> None:
    watched.ingest(source)
    source.fetched.clear()
    assert isinstance(watched.embedder, WordEmbedder)
    watched.embedder.calls.clear()
    watched.bm25 = Bm25Encoder(k1=0.9, b=0.4, average_tokens=20)
    watched.ingest(source)
    assert store.bases == {1: None, 2: None}
    assert (source.fetched, watched.embedder.embedded) == ([], [])
    assert watched.readable(ADA, 2) == watched.readable(ADA, 1)
    watched.ingest(source)
    assert watched.latest == 2


def test_going_back_to_an_earlier_generation_copies_its_last_version(
    watched: Harness, store: WatchedStore, source: MemorySource
) -> None:
    first = watched.bm25
    watched.ingest(source)
    watched.bm25 = Bm25Encoder(k1=0.9, b=0.4, average_tokens=20)
    source.put("d", "delta text", "public")
    source.remove("b")
    watched.ingest(source)
    watched.bm25 = first
    source.put("a", "alpha text revised", "user:ada")
    watched.ingest(source)
    assert store.bases == {1: None, 2: None, 3: 1}
    assert watched.readable(ADA, 3) == ["alpha text revised", "delta text", "gamma text"]
    assert store.open(3).points == 3
    with watched.catalog.read() as session:
        assert len(session.scalars(select(Generation)).all()) == 2


def test_a_version_from_scratch_holds_what_a_copied_one_holds(
    watched: Harness, store: WatchedStore, source: MemorySource
) -> None:
    watched.ingest(source)
    assert watched.build(from_scratch=True) == 2
    assert store.bases == {1: None, 2: None}
    assert store.versions[1].keys() == store.versions[2].keys()
    assert watched.versions() == {1: "retired", 2: "candidate"}


def test_when_every_document_is_kept_out_the_version_is_empty(watched: Harness, source: MemorySource) -> None:
    watched.ingest(source)
    for page in source.pages.values():
        page.problem = "its rule cannot be read"
    watched.ingest(source)
    assert watched.readable(ADA, 2) == []
    with watched.catalog.read() as session:
        assert session.get_one(Version, 2).documents == 0


def test_listings_are_noted_at_the_version(watched: Harness, source: MemorySource) -> None:
    watched.ingest({"one": source, "two": source})
    record_listings(watched.catalog, 1)
    with watched.catalog.read() as session:
        listings = session.get_one(Version, 1).listings
    assert set(listings) == {"one", "two"}
    assert all(taken.endswith("+00:00") for taken in listings.values())


def test_a_corrupt_version_is_not_copied(tmp_path: Path, source: MemorySource) -> None:
    with Harness(tmp_path, store=EdgeStore(tmp_path / "index")) as harness:
        harness.ingest(source)
        source.put("d", "delta text", "public")
        harness.ingest(source)
        damaged = next((tmp_path / "index" / "00000002").rglob("mutable_id_tracker.mappings"))
        damaged.write_bytes(b"\x00" * damaged.stat().st_size)
        source.remove("a")
        harness.ingest(source)
        harness.store.verify(3)
        assert harness.readable(ADA, 3) == ["delta text", "gamma text"]
        assert harness.readable(ADA, 1) == ["alpha text", "gamma text"]


def test_a_version_whose_engine_settings_are_lost_is_not_copied(tmp_path: Path, source: MemorySource) -> None:
    with Harness(tmp_path, store=EdgeStore(tmp_path / "index")) as harness:
        harness.ingest(source)
        (tmp_path / "index" / "00000001" / "edge_config.json").write_bytes(b"\x00")
        source.remove("a")
        harness.ingest(source)
        assert harness.readable(ADA, 2) == ["gamma text"]
