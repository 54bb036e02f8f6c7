"""Many versions in one collection: each sees its own points, whatever is built, dropped and erased beside it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from rag.errors import IndexCorruptError, IndexMissingError, IndexStoreError
from rag.index import IndexPoint, IndexStore, Visibility
from rag.index.qdrant_server import QdrantServerStore, ServerOptions
from rag.index.server_query import chunk_of, in_version, point_id
from tests.rag.index.contract import ids, point, sealed, three_versions, unit
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
CHUNKS = 6
DOCUMENTS = 4


def on(client: QdrantClient, prefix: str = "p", batch_size: int = 256) -> QdrantServerStore:
    return QdrantServerStore(client, prefix=prefix, options=ServerOptions(batch_size=batch_size))


@pytest.fixture
def client() -> QdrantClient:
    return QdrantClient(":memory:")


# --- which points a version has


def spans(count: int, last: int, seed: int) -> list[tuple[int, int | None]]:
    """``since`` and ``until`` of points; some last, and some are never in any version."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        since = chance.randint(1, last)
        found.append((since, chance.choice([None, chance.randint(since, last + 1)])))
    return found


def assert_each_version_has_its_points(client: QdrantClient, count: int, versions: int) -> int:
    """Compares the filter with plain Python for every point and version; returns how many decisions that was."""
    points = spans(count, versions, seed=count)
    client.create_collection("spans", vectors_config={})
    payloads = [{"since": since, **({"until": until} if until else {})} for since, until in points]
    client.upsert(
        "spans",
        [models.PointStruct(id=id, vector={}, payload=payload) for id, payload in enumerate(payloads)],
    )
    decisions = 0
    for version in range(1, versions + 1):
        found, _ = client.scroll("spans", in_version(version), limit=count, with_payload=False)
        assert {hit.id for hit in found} == {
            id
            for id, (since, until) in enumerate(points)
            if since <= version and (until is None or version < until)
        }
        decisions += count
    return decisions


def test_a_version_has_the_points_that_began_by_then_and_had_not_ended(client: QdrantClient) -> None:
    assert assert_each_version_has_its_points(client, 100, 100) == 10_000


@pytest.mark.soak
def test_a_million_decisions_which_point_belongs_to_which_version(client: QdrantClient) -> None:
    assert assert_each_version_has_its_points(client, 1000, 1000) == 1_000_000


@pytest.mark.parametrize(("chunk", "since"), [(0, 1), (1, 1), (2**40 - 1, 1), (5, 2**23 - 1)])
def test_a_point_id_gives_its_chunk_back(chunk: int, since: int) -> None:
    assert chunk_of(point_id(chunk, since)) == chunk
    assert point_id(chunk, since) < 2**63


@pytest.mark.parametrize(("chunk", "since"), [(-1, 1), (2**40, 1), (1, 0), (1, 2**23)])
def test_a_chunk_without_a_place_is_refused(chunk: int, since: int) -> None:
    with pytest.raises(IndexStoreError, match="no place"):
        point_id(chunk, since)


# --- histories


def written(chunk: int, rule: int) -> IndexPoint:
    return point(chunk, unit(1, chunk, rule, 0), rule=rule, document=chunk % DOCUMENTS)


chunks = st.sets(st.integers(0, CHUNKS - 1), max_size=5)
documents = st.sets(st.integers(0, DOCUMENTS - 1), max_size=2)
builds = st.tuples(
    st.sampled_from(["build", "build", "build", "build", "die", "abandon"]),
    st.sampled_from([0, 0, 0, 1, 2, -1]),
    st.tuples(chunks, documents, chunks, chunks, st.integers(0, 1)),
)
drops = st.tuples(st.just("drop"), st.sampled_from([-1, -1, -1, 0, 1, 2]))
erasures = st.tuples(st.just("erase"), documents)
histories = st.lists(st.one_of(builds, builds, builds, drops, erasures), min_size=4, max_size=14)


class Histories:
    """The same history in a store and in the oracle."""

    def __init__(self, store: IndexStore) -> None:
        self.store, self.oracle = store, MemoryStore()

    def build(
        self,
        end: str,
        base_choice: int,
        change: tuple[set[int], set[int], set[int], set[int], int],
    ) -> None:
        versions = self.oracle.sealed()[::-1]
        version = versions[0] + 1 if versions else 1
        base = versions[base_choice % len(versions)] if versions and base_choice >= 0 else None
        wanted = self.oracle.build(version, dimension=4, base=base)
        builders = [self.store.build(version, dimension=4, base=base), wanted]
        deleted, erased, added, deleted_again, rule = change
        for builder in builders:
            builder.delete(sorted(deleted))
            builder.erase(erased)
            builder.upsert([written(chunk, rule) for chunk in sorted(added)])
            builder.delete(sorted(deleted_again))
        if end == "build":
            held = wanted.count
            for builder in builders:
                builder.seal(expected_points=held)
        if end == "abandon":
            for builder in builders:
                builder.abandon()

    def drop(self, choice: int) -> None:
        versions = self.oracle.sealed()
        version = versions[choice % len(versions)] if versions else 1
        for store in (self.store, self.oracle):
            store.drop(version)

    def erase(self, documents: set[int]) -> None:
        for store in (self.store, self.oracle):
            store.erase(documents)

    def assert_equal(self) -> None:
        assert self.store.sealed() == self.oracle.sealed()
        for version in self.oracle.sealed():
            found, wanted = self.store.open(version), self.oracle.open(version)
            assert found.points == wanted.points
            for rule in (0, 1):
                seen = Visibility(frozenset({rule}))
                assert ids(found, seen) == ids(wanted, seen)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories)
def test_after_any_history_every_version_has_exactly_its_points(history: list[tuple[object, ...]]) -> None:
    client = QdrantClient(":memory:")
    both = Histories(on(client, batch_size=2))
    for step in history:
        match step:
            case ("drop", int(choice)):
                both.drop(choice)
            case ("erase", set() as erased):
                both.erase(erased)
            case (str(end), int(base), tuple() as change):
                both.build(end, base, change)
        both.assert_equal()
    for version in both.oracle.sealed():
        both.store.verify(version)
    both.store.tidy()
    both.assert_equal()
    for version in both.oracle.sealed():
        both.store.drop(version)
    assert [collection.name for collection in client.get_collections().collections] in ([], ["p-versions"])


# --- what is in the way


def test_two_projects_on_one_server_leave_each_other_alone(client: QdrantClient) -> None:
    one, other = on(client, "p"), on(client, "p-g1")
    three_versions(one)
    sealed(other, 1, [point(7)], expected=1).close()
    assert one.tidy() == other.tidy() == []
    for version in (1, 2, 3):
        one.drop(version)
    assert one.sealed() == []
    assert ids(other.open(1)) == [7]


def test_a_base_of_another_dimension_is_refused(client: QdrantClient) -> None:
    store = on(client)
    expected = three_versions(store)
    with pytest.raises(IndexStoreError, match="vectors of 4 numbers") as caught:
        store.build(4, dimension=5, base=3)
    assert "--rebuild" in caught.value.next_step
    assert {version: ids(store.open(version)) for version in store.sealed()} == expected


def test_a_change_costs_no_new_collection_and_touches_no_other_point(client: QdrantClient) -> None:
    store = on(client)
    sealed(store, 1, [point(id) for id in range(50)], expected=50).close()
    before = {hit.id: hit.payload for hit in client.scroll("p-g1", limit=99)[0]}
    builder = store.build(2, dimension=4, base=1)
    builder.delete([7])
    builder.upsert([point(60)])
    builder.seal(expected_points=50)
    after = {hit.id: hit.payload for hit in client.scroll("p-g1", limit=99)[0]}
    assert {id for id in after if after[id] != before.get(id)} == {point_id(7, 1), point_id(60, 2)}
    assert {collection.name for collection in client.get_collections().collections} == {"p-g1", "p-versions"}


@pytest.mark.parametrize("seed", range(10))
def test_after_long_histories_too(seed: int) -> None:
    chance = random.Random(seed)

    def some(numbers: int, most: int) -> set[int]:
        return set(chance.sample(range(numbers), chance.randint(0, most)))

    both = Histories(on(QdrantClient(":memory:"), batch_size=2))
    for _ in range(25):
        match chance.choice(["build", "build", "build", "die", "abandon", "drop", "drop", "erase"]):
            case "drop":
                both.drop(chance.choice([-1, -1, 0, 1]))
            case "erase":
                both.erase(some(DOCUMENTS, 1))
            case end:
                change = (some(CHUNKS, 3), some(DOCUMENTS, 1), some(CHUNKS, 5), some(CHUNKS, 1))
                both.build(end, chance.choice([0, 0, 0, 1, -1]), (*change, chance.randint(0, 1)))
        both.assert_equal()


def held(client: QdrantClient) -> set[tuple[int, int, int | None]]:
    """Chunk, ``since`` and ``until`` of every point that the server holds."""
    payloads = [hit.payload or {} for hit in client.scroll("p-g1", limit=99)[0]]
    return {(payload["chunk"], payload["since"], payload.get("until")) for payload in payloads}


def test_a_drop_deletes_what_no_other_version_has_and_nothing_else(client: QdrantClient) -> None:
    def built() -> QdrantServerStore:
        store = on(client)
        sealed(store, 1, [point(1), point(2)], expected=2).close()
        for version in (2, 3):
            builder = store.build(version, dimension=4, base=version - 1)
            builder.delete([version - 1, version + 1])
            builder.upsert([point(version + 2)])
            builder.seal(expected_points=4 - version)
        return store

    store = built()
    assert held(client) == {(1, 1, 2), (2, 1, 3), (4, 2, 3), (5, 3, None)}
    store.drop(2)
    assert held(client) == {(1, 1, 2), (2, 1, 3), (5, 3, None)}
    store.drop(3)
    assert held(client) == {(1, 1, None), (2, 1, None)}
    store.drop(1)
    store = built()
    store.drop(1)
    assert held(client) == {(2, 1, 3), (4, 2, 3), (5, 3, None)}
    store.drop(3)
    assert held(client) == {(2, 1, None), (4, 2, None)}


def test_an_unnamed_collection_of_ours_is_removed_and_no_other(client: QdrantClient) -> None:
    store = on(client)
    sealed(store, 1, [point(1)], expected=1).close()
    for name in ("p-g7", "p-g7-2", "p-g7-x", "p-other", "xp-g7"):
        client.create_collection(name, vectors_config={})
    assert len(store.tidy()) == 2
    names = {collection.name for collection in client.get_collections().collections}
    assert names == {"p-versions", "p-g1", "p-g7-x", "p-other", "xp-g7"}


def test_points_that_came_late_from_a_dead_run_are_in_no_version(client: QdrantClient) -> None:
    store = on(client)
    sealed(store, 1, [point(1)], expected=1).close()
    stray = models.PointStruct(
        id=point_id(9, 2),
        vector={"dense": [1.0, 0.0, 0.0, 0.0]},
        payload={"chunk": 9, "rule": 0, "document_id": 9, "since": 2},
    )
    client.upsert("p-g1", [stray])
    client.set_payload("p-g1", {"until": 2}, points=[point_id(1, 1)])
    assert ids(store.open(1)) == [1]
    assert ids(sealed(store, 2, [point(2)], expected=2, base=1)) == [1, 2]


def test_points_that_are_lost_are_found_by_verifying(client: QdrantClient) -> None:
    store = on(client)
    three_versions(store)
    client.delete("p-g1", [point_id(5, 3)])
    store.verify(2)
    with pytest.raises(IndexCorruptError, match="holds 3 points and was sealed with 4") as caught:
        store.verify(3)
    assert "p-g1" in caught.value.where
    assert "lockgate" in caught.value.next_step


def test_a_collection_that_is_gone_is_missing(client: QdrantClient) -> None:
    store = on(client)
    sealed(store, 1, [point(1)], expected=1).close()
    client.delete_collection("p-g1")
    calls: list[Callable[[], object]] = [
        lambda: store.open(1),
        lambda: store.verify(1),
        lambda: store.build(2, dimension=4, base=1),
    ]
    for call in calls:
        with pytest.raises(IndexMissingError):
            call()
    store.erase([1])
    store.drop(1)
    assert store.sealed() == []


def test_records_of_a_newer_release_are_refused(client: QdrantClient) -> None:
    store = on(client)
    sealed(store, 1, [point(1)], expected=1).close()
    client.set_payload("p-versions", {"format": 2}, points=[1])
    for call in (store.sealed, store.tidy, lambda: store.open(1), lambda: store.drop(1)):
        with pytest.raises(IndexStoreError, match="newer release") as caught:
            call()
        assert "Install" in caught.value.next_step


@pytest.mark.parametrize(
    "payload",
    [{}, {"format": 1, "state": "sealed"}, {"format": 1, "state": "?", "collection": "c", "dimension": 4}],
)
def test_a_record_that_makes_no_sense_is_corrupt(client: QdrantClient, payload: dict[str, object]) -> None:
    client.create_collection("p-versions", vectors_config={})
    client.upsert("p-versions", [models.PointStruct(id=1, vector={}, payload=payload)])
    with pytest.raises(IndexCorruptError, match="version 1 cannot be understood"):
        on(client).sealed()


# --- copies


def test_a_copy_goes_into_a_project_of_another_name(client: QdrantClient, tmp_path: Path) -> None:
    expected = three_versions(on(client))
    sealed(on(client), 4, [point(7)], expected=1).close()
    on(client).copy_to(tmp_path, [1, 3, 4])
    other = on(QdrantClient(":memory:"), "another", batch_size=2)
    other.load_from(tmp_path)
    assert other.sealed() == [1, 3, 4]
    assert [ids(other.open(version)) for version in (1, 3, 4)] == [expected[1], expected[3], [7]]


def damaged(folder: Path, damage: str) -> None:
    part, manifest = folder / "points-000-00000.npz", folder / "lockgate-index.json"
    facts = json.loads(manifest.read_text())
    match damage:
        case "a bit":
            content = bytearray(part.read_bytes())
            content[len(content) // 2] ^= 1
            part.write_bytes(content)
        case "no part":
            part.unlink()
        case "no manifest":
            manifest.unlink()
        case "half a manifest":
            manifest.write_text(manifest.read_text()[:50])
        case "a path outside":
            facts["collections"][0]["parts"][0]["file"] = "../elsewhere.npz"
            manifest.write_text(json.dumps(facts))
        case "too few points":
            facts["collections"][0]["versions"][0]["points"] += 1
            manifest.write_text(json.dumps(facts))
        case "a pickle":
            np.savez(part, keys=np.array([{}], dtype=object))
            facts["collections"][0]["parts"][0]["sha256"] = hashlib.sha256(part.read_bytes()).hexdigest()
            manifest.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "damage",
    ["a bit", "no part", "no manifest", "half a manifest", "a path outside", "too few points", "a pickle"],
)
def test_a_damaged_copy_brings_nothing_back(client: QdrantClient, tmp_path: Path, damage: str) -> None:
    three_versions(on(client))
    on(client).copy_to(tmp_path, [1, 2, 3])
    damaged(tmp_path, damage)
    other = on(QdrantClient(":memory:"))
    with pytest.raises(IndexCorruptError) as caught:
        other.load_from(tmp_path)
    assert str(tmp_path) in caught.value.where
    assert other.sealed() == []


def test_a_copy_of_a_newer_release_is_refused(client: QdrantClient, tmp_path: Path) -> None:
    (tmp_path / "lockgate-index.json").write_text('{"format": 2, "collections": {}}')
    with pytest.raises(IndexStoreError, match="newer release"):
        on(client).load_from(tmp_path)
