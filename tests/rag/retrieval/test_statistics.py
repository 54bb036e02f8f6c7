"""Lexical scores count what the reader may see and nothing else, whatever has happened since."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import log
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from sqlmodel import col

from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Document, Revision, RevisionTerms
from rag.index import IndexQuery, ScoredId
from rag.maintenance import Retention, finish_erasures, purge, sweep
from rag.retrieval import Retriever
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.memory_store import MemoryReader, MemoryStore
from tests.support.source import MemorySource

QUERY = "plan red blue"
WORDS = ("plan", "red", "blue", "green", "boat")
RULES: tuple[tuple[str, ...], ...] = (("public",), (ADA,), ("group:eng",), (ADA, BOB), ("user:nobody",))
READERS = (ADA, BOB, EVE, "public")


class NotingStore(MemoryStore):
    """Notes of every query whether its terms came weighted."""

    def __init__(self) -> None:
        super().__init__()
        self.weighted: list[bool] = []

    def open(self, version: int) -> MemoryReader:
        reader = super().open(version)
        ask = reader.query

        def query(query: IndexQuery) -> list[ScoredId]:
            self.weighted.append(query.weighted)
            return ask(query)

        reader.query = query  # type: ignore[method-assign]
        return reader


@pytest.fixture
def store() -> NotingStore:
    return NotingStore()


@pytest.fixture
def harness(tmp_path: Path, store: NotingStore) -> Iterator[Harness]:
    with Harness(tmp_path, store=store, default=None) as harness:
        harness.set_groups({"group:eng": {BOB}})
        yield harness


class World:
    """A project whose documents, rules and versions change, and what each reader's scores must be."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.source = harness, MemorySource()
        self.rules: dict[str, tuple[str, ...]] = {}
        self.members = {BOB}

    def put(self, id: str, text: str, rule: tuple[str, ...]) -> None:
        self.source.put(id, text, *rule)
        self.rules[f"s/{id}"] = rule

    def ingest(self) -> None:
        self.harness.ingest(self.source)
        self.harness.promote()

    def list_again(self) -> None:
        """Applies rules and nothing else: the ingest dies after its plan."""
        with pytest.raises(RuntimeError):
            self.harness.ingest(self.source, after=_die)

    def may(self, who: str, document: str) -> bool:
        rule = self.rules.get(document, ())
        return "public" in rule or who in rule or ("group:eng" in rule and who in self.members)

    def expected(self, who: str, version: int) -> dict[tuple[str, str], float]:
        bm25 = self.harness.bm25
        with self.harness.catalog.connect() as connection:
            rows = connection.execute(
                select(col(Document.key), col(ChunkRow.context), col(ChunkRow.text))
                .join(Revision, col(Revision.document_id) == col(Document.id))
                .join(ChunkRow, col(ChunkRow.revision_id) == col(Revision.id))
                .where(alive_at(version))
            ).all()
        seen = [
            (key, text, bm25.document(f"{context}\n{text}" if context else text))
            for key, context, text in rows
            if self.may(who, key)
        ]
        scores: dict[tuple[str, str], float] = {}
        for term in bm25.query(QUERY).indices:
            having = sum(term in vector.indices for _, _, vector in seen)
            idf = log(1 + (len(seen) - having + 0.5) / (having + 0.5))
            for key, text, vector in seen:
                if term in vector.indices:
                    weight = vector.values[vector.indices.index(term)]
                    scores[key, text] = scores.get((key, text), 0.0) + weight * idf
        return scores

    def check(self, retriever: Retriever, version: int | None = None) -> None:
        assert self.harness.latest is not None
        for who in READERS:
            hits = retriever.search(QUERY, principal=who, mode="sparse", limit=1000, version=version)
            found = {(hit.document, hit.text): hit.score for hit in hits}
            assert found == pytest.approx(self.expected(who, version or self.harness.latest), abs=1e-5)


def _die(step: str) -> None:
    if step == "plan":
        raise RuntimeError(step)


def test_a_score_follows_rules_versions_and_purges(harness: Harness, store: NotingStore) -> None:
    world = World(harness)
    world.put("a", "red plan", ("public",))
    world.put("b", "blue plan", (ADA,))
    world.put("c", "red red boat", ("group:eng",))
    world.ingest()
    old = harness.retriever()
    world.check(old)

    world.put("b", "blue plan", ("public",))  # another rule than its points carry
    world.list_again()
    world.check(old)
    world.check(harness.retriever())

    world.put("d", "blue blue", ("public",))
    world.source.remove("c")
    world.ingest()
    world.check(old)
    world.check(harness.retriever())
    world.rules["s/c"] = ()  # withdrawn: the promoted version does not hold it
    world.check(old, 1)

    purge(harness.catalog, "s/a", by="a test")
    world.rules["s/a"] = ()
    world.check(old)
    world.check(old, 1)
    assert finish_erasures(harness.catalog, harness.store, harness.cache) == 1
    world.check(old)
    assert all(store.weighted)


def test_where_the_terms_of_a_version_are_not_known_the_store_works_them_out(
    harness: Harness, store: NotingStore
) -> None:
    world = World(harness)
    world.put("a", "red plan", ("public",))
    world.put("b", "blue plan", (ADA,))
    world.ingest()
    with harness.catalog.write() as session:
        session.execute(delete(RevisionTerms).where(col(RevisionTerms.revision_id) == 1))
    world.check(harness.retriever())
    assert not any(store.weighted)
    harness.build(from_scratch=True)
    harness.promote()
    store.weighted.clear()
    world.check(harness.retriever())
    assert all(store.weighted)


@pytest.mark.parametrize("seed", range(12))
def test_scores_are_right_after_any_history(harness: Harness, store: NotingStore, seed: int) -> None:
    chance = random.Random(seed)
    world = World(harness)
    world.put("a", "red plan", ("public",))
    world.ingest()
    old = harness.retriever()
    for _ in range(25):
        id = chance.choice("abcdef")
        match chance.choice(("put", "put", "rule", "rule", "ingest", "ingest", "purge", "sweep", "group")):
            case "put":
                text = " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 60)))
                world.put(id, text, chance.choice(RULES))
                world.list_again()
            case "rule" if id in world.source.pages:
                rule = chance.choice(RULES)
                world.source.allow(id, *rule)
                world.rules[f"s/{id}"] = rule
                world.list_again()
            case "ingest":
                world.ingest()
            case "purge" if f"s/{id}" in harness.documents() and id in world.source.pages:
                purge(harness.catalog, f"s/{id}", by="a test")
                world.source.remove(id)
                world.rules.pop(f"s/{id}")
                if chance.random() < 0.5:
                    finish_erasures(harness.catalog, harness.store, harness.cache)
            case "sweep":
                sweep(harness.catalog, harness.store, harness.cache, Retention(1))
            case "group":
                world.members = set(chance.sample(READERS[:3], 2))
                harness.set_groups({"group:eng": world.members})
        # A document that was purged never comes back, whatever its source lists.
        for key, (state, _) in harness.documents().items():
            if state == "purged":
                world.rules[key] = ()
        world.check(old)
    world.check(harness.retriever())
    assert all(store.weighted)
