"""The systems that an evaluation compares, over a small corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from evals.evaluate import Search
from evals.systems import (
    RememberingEmbedder,
    baseline_system,
    catalog_oracle,
    known_documents,
    measuring_retriever,
    retriever_systems,
)
from rag.catalog.tables import DocumentState
from rag.embedding import Vectors
from rag.retrieval import RetrievalSettings
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, BOB, Harness
from tests.support.source import MemorySource


@pytest.fixture
def source() -> MemorySource:
    source = MemorySource()
    source.put("plan", "merger plan", "user:ada")
    source.put("menu", "lunch menu plan", "public")
    source.put("keys", "signing keys", "group:eng")
    long = " ".join(f"rota{number}" for number in range(60))
    source.put("rota", f"rota {long} rota", "public")
    return source


@pytest.fixture
def harness(tmp_path: Path, source: MemorySource) -> Iterator[Harness]:
    with Harness(tmp_path) as harness:
        harness.ingest(source)
        yield harness


def systems(harness: Harness, questions: list[str]) -> dict[str, Search]:
    retriever = measuring_retriever(
        harness.catalog, harness.store, harness.embedder, harness.bm25, RetrievalSettings(), questions
    )
    return {
        **retriever_systems(retriever, 1),
        "bm25": baseline_system(harness.catalog, 1),
    }


def test_all_systems_find_what_a_reader_may_see_of_a_version_that_is_not_promoted(harness: Harness) -> None:
    found = systems(harness, ["merger plan"])
    assert list(found) == ["fused", "dense", "sparse", "bm25"]
    for name, search in found.items():
        assert search("merger plan", principal=ADA, limit=10)[0] == "s/plan", name
        assert "s/plan" not in search("merger plan", principal=BOB, limit=10), name
        assert search("merger plan", principal=BOB, limit=10)[0] == "s/menu", name


def test_passages_are_collapsed_to_documents_within_the_limit(harness: Harness) -> None:
    for name, search in systems(harness, ["rota"]).items():
        documents = list(search("rota", principal=BOB, limit=10))
        assert len(documents) == len(set(documents)), name
        assert documents[0] == "s/rota", name
        assert len(search("rota plan", principal=BOB, limit=1)) == 1, name


def test_questions_are_embedded_once_and_others_when_they_come() -> None:
    class Counting(WordEmbedder):
        asked = 0

        def embed_queries(self, texts: Sequence[str]) -> Vectors:
            Counting.asked += len(texts)
            return super().embed_queries(texts)

    embedder = Counting()
    remembering = RememberingEmbedder(embedder, ["one", "two", "one"])
    assert Counting.asked == 2
    for _ in range(3):
        (vector,) = remembering.embed_queries(["two"])
        assert vector.tolist() == embedder._vector("two").tolist()
    assert Counting.asked == 2
    (vector,) = remembering.embed_queries(["three"])
    assert vector.tolist() == embedder._vector("three").tolist()
    assert Counting.asked == 3


def test_the_oracle_knows_groups_and_denies_what_it_does_not_know(harness: Harness) -> None:
    harness.set_groups({"group:eng": {"group:team"}, "group:team": {BOB}})
    may_read = catalog_oracle(harness.catalog)
    assert may_read(BOB, "s/keys")
    assert not may_read(ADA, "s/keys")
    assert may_read(ADA, "s/plan")
    assert not may_read(ADA, "s/nowhere")


def test_a_rule_of_now_counts_for_an_older_version_too(harness: Harness, source: MemorySource) -> None:
    source.allow("plan", "user:bob")
    harness.ingest(source)
    for name, search in systems(harness, ["merger plan"]).items():
        assert search("merger plan", principal=BOB, limit=10)[0] == "s/plan", name
        assert "s/plan" not in search("merger plan", principal=ADA, limit=10), name
    assert not catalog_oracle(harness.catalog)(ADA, "s/plan")


def test_a_document_kept_out_is_known_and_read_by_nobody(harness: Harness, source: MemorySource) -> None:
    source.pages["menu"].problem = "its rule cannot be read"
    harness.ingest(source)
    assert "s/menu" in known_documents(harness.catalog)
    assert not catalog_oracle(harness.catalog)(BOB, "s/menu")
    for name, search in systems(harness, ["lunch menu"]).items():
        assert "s/menu" not in search("lunch menu", principal=BOB, limit=10), name


def test_a_purged_document_is_a_leak_if_anything_returns_it(harness: Harness) -> None:
    with harness.catalog.write() as session:
        harness.row("s/menu", session).state = DocumentState.PURGED
    assert not catalog_oracle(harness.catalog)(BOB, "s/menu")
    for name, search in systems(harness, ["lunch menu"]).items():
        assert "s/menu" not in search("lunch menu", principal=BOB, limit=10), name
