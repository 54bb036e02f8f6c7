"""Another embedder builds beside the old one, and readers notice nothing until it is promoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import IndexStoreError
from rag.index import IndexStore
from rag.releases import roll_back
from rag.retrieval import RetrievalSettings, Retriever
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource
from tests.support.stores import STORES

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


def pages() -> MemorySource:
    source = MemorySource()
    source.put("a", "apples grow on trees", "public")
    source.put("b", "boats float on water", "public")
    return source


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> IndexStore:
    return STORES[request.param](tmp_path)


def apples(reader: Retriever, version: int) -> float:
    """The score of the document about apples, which must come first."""
    (hit,) = reader.search("apples", principal=ADA, mode="dense", limit=1, version=version)
    assert hit.document == "s/a"
    return hit.score


def other_words() -> WordEmbedder:
    return WordEmbedder(fingerprint="other words")


def test_readers_go_on_with_the_old_embedder_until_the_new_one_is_promoted(
    tmp_path: Path, store: IndexStore
) -> None:
    with Harness(tmp_path, store=store) as old:
        old.ingest(pages())
        old.promote()
        score = apples(old.retriever(), 1)
    with Harness(tmp_path, store=store, embedder=other_words()) as new:
        reader = new.retriever()  # it is configured with the new embedder
        assert [hit.document for hit in reader.search("boats", principal=ADA, mode="dense", limit=1)] == [
            "s/b"
        ]
        new.ingest(pages())
        found = reader.search_version("boats", principal=ADA, mode="dense", limit=1)
        assert (found.version, found.hits[0].document) == (1, "s/b")
        new.promote()
        found = reader.search_version("boats", principal=ADA, mode="dense", limit=1)
        assert (found.version, found.hits[0].document) == (2, "s/b")
        assert apples(reader, 1) == score
        assert apples(reader, 2) > 0


def test_a_rollback_to_the_old_generation_is_searched_with_its_embedder(
    tmp_path: Path, store: IndexStore
) -> None:
    with Harness(tmp_path, store=store) as old:
        old.ingest(pages())
        old.promote()
        score = apples(old.retriever(), 1)
    with Harness(tmp_path, store=store, embedder=other_words()) as new:
        new.ingest(pages())
        new.promote()
        with new.catalog.write() as session:
            roll_back(session)
        found = new.retriever().search_version("apples", principal=ADA, mode="dense", limit=1)
        assert (found.version, found.hits[0].document, found.hits[0].score) == (1, "s/a", score)


def test_another_chunker_is_another_generation_and_the_old_text_stays_until_it_is_promoted(
    tmp_path: Path, store: IndexStore
) -> None:
    source = MemorySource()
    source.put("a", " ".join(f"word{number}" for number in range(60)), "public")
    with Harness(tmp_path, store=store, max_tokens=80) as harness:
        harness.ingest(source)
        harness.promote()
        harness.set_max_tokens(40)
        harness.ingest(source)
        assert len(harness.readable(ADA)) == 1
        harness.promote()
        assert len(harness.readable(ADA)) == 2
        assert len(harness.readable(ADA, 1)) == 1


def test_without_the_old_embedder_nothing_is_searched_rather_than_compared_wrongly(tmp_path: Path) -> None:
    store = MemoryStore()
    with Harness(tmp_path, store=store) as old:
        old.ingest(pages())
        old.promote()
        with (
            Retriever(old.catalog, store, other_words(), old.bm25) as reader,
            pytest.raises(IndexStoreError, match="another embedder"),
        ):
            reader.search("boats", principal=ADA)


def test_the_promoted_release_brings_its_retrieval_settings_along(tmp_path: Path) -> None:
    with Harness(tmp_path) as harness:
        harness.ingest(pages())
        harness.promote(retrieval=RetrievalSettings(candidates=1, rrf_k=1))
        configured = harness.retriever(RetrievalSettings(candidates=100, rrf_k=10))
        served = configured.search("boats float", principal=ADA, limit=1)[0].score
        pinned = configured.search("boats float", principal=ADA, limit=1, version=1)[0].score
        assert served == pytest.approx(1 + 1)  # first in both legs: 1 / (1 + 0), twice
        assert pinned == pytest.approx(1 / 10 + 1 / 10)
