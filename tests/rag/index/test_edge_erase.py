"""Erasing in the embedded store: no byte is left, nobody who reads notices, and what cannot be done is told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import Vectors
from rag.errors import IndexCorruptError, IndexMissingError
from rag.index import EdgeStore, IndexPoint, IndexQuery
from tests.rag.index.contract import ALL, ids, lexical_ids, point, sealed, terms, unit

SECRET = np.array([0.123456, -0.654321, 0.777777, -0.111213], dtype=np.float32)
"""The dense vector that must be found nowhere: no other point has these bytes."""


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    return EdgeStore(tmp_path / "index")


def secret(id: int = 2, document: int = 2) -> IndexPoint:
    return point(id, SECRET, {7: 1.0}, document=document)


def holding(store: EdgeStore, vector: Vectors = SECRET) -> list[str]:
    """The directories below the root in which some file holds the vector's bytes."""
    wanted = vector.astype("<f4").tobytes()
    files = [path for path in store.root.rglob("*") if path.is_file()]
    return sorted({path.relative_to(store.root).parts[0] for path in files if wanted in path.read_bytes()})


def directories(store: EdgeStore) -> list[str]:
    return sorted(path.name for path in store.root.iterdir())


def seen(store: EdgeStore, version: int) -> list[int]:
    """The ids that a dense search sees in a version that reads through as sound."""
    store.verify(version)
    reader = store.open(version)
    found = ids(reader)
    reader.close()
    return found


def change(
    store: EdgeStore, version: int, base: int, *, delete: Sequence[int] = (), add: Sequence[IndexPoint] = ()
) -> None:
    """Seals ``version`` as ``base`` and a change, and knows how many points that makes."""
    reader = store.open(base)
    left = {hit.id for hit in reader.query(IndexQuery(ALL, limit=10_000, dense=unit(1, 0, 0, 0)))}
    reader.close()
    builder = store.build(version, dimension=4, base=base)
    builder.delete(delete)
    builder.upsert(add)
    builder.seal(expected_points=len((left - set(delete)) | {added.id for added in add}))


def test_an_erased_vector_is_in_no_file_of_the_store(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret(), point(3)], expected=3).close()
    assert holding(store) == ["00000001"]
    store.erase({2})
    assert holding(store) == []
    assert seen(store, 1) == [1, 3]
    assert directories(store) == ["00000001.1"]


def test_a_vector_that_a_later_version_deleted_is_erased_from_both(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret(), point(3)], expected=3).close()
    change(store, 2, 1, delete=[2])
    change(store, 3, 2, add=[point(4)])
    # What the engine deletes it only marks: the bytes go with every copy.
    assert holding(store) == ["00000001", "00000002", "00000003"]
    assert seen(store, 3) == [1, 3, 4]
    store.erase({2})
    assert holding(store) == []
    assert [seen(store, version) for version in store.sealed()] == [[1, 3], [1, 3], [1, 3, 4]]


def test_a_vector_that_a_later_version_replaced_is_erased_from_both(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret(id=2, document=9)], expected=2).close()
    change(store, 2, 1, add=[point(2, document=5)])
    store.erase({9})
    assert holding(store) == []
    assert [seen(store, 1), seen(store, 2)] == [[1], [1, 2]]


def test_a_builder_that_erases_seals_without_a_byte_of_it(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret(2), secret(3, document=2)], expected=3).close()
    builder = store.build(2, dimension=4, base=1)
    builder.upsert([point(4)])
    builder.erase({2, 999})
    builder.seal(expected_points=2)
    assert seen(store, 2) == [1, 4]
    assert holding(store) == ["00000001"]
    assert directories(store) == ["00000001", "00000002"]


def test_a_builder_erases_what_its_base_had_only_deleted(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret()], expected=2).close()
    change(store, 2, 1, delete=[2])
    builder = store.build(3, dimension=4, base=2)
    builder.erase({2})
    builder.seal(expected_points=1)
    assert holding(store) == ["00000001", "00000002"]
    store.erase({2})
    assert holding(store) == []
    assert directories(store) == ["00000001.1", "00000002.1", "00000003"]


def test_a_builder_may_write_a_document_again_after_erasing_it(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret()], expected=2).close()
    builder = store.build(2, dimension=4, base=1)
    builder.erase({2})
    builder.upsert([point(20, document=2)])
    builder.seal(expected_points=2)
    assert seen(store, 2) == [1, 20]
    assert holding(store) == ["00000001"]


def test_abandoning_a_builder_that_erased_leaves_nothing(store: EdgeStore) -> None:
    builder = store.build(1, dimension=4, base=None)
    builder.upsert([point(1), secret()])
    builder.erase({2})
    builder.abandon()
    assert directories(store) == []


def test_only_versions_that_hold_the_documents_are_rewritten(store: EdgeStore) -> None:
    sealed(store, 1, [point(1)], expected=1).close()
    change(store, 2, 1, add=[secret()])
    change(store, 3, 2, delete=[1])
    store.erase({2})
    assert directories(store) == ["00000001", "00000002.1", "00000003.1"]
    store.erase({1})  # deleted before 3 was rewritten, so there is nothing of it left there
    assert directories(store) == ["00000001.1", "00000002.2", "00000003.1"]
    store.erase({1, 2, 999})
    store.erase(set())
    assert directories(store) == ["00000001.1", "00000002.2", "00000003.1"]


def test_a_version_whose_seal_lists_no_deleted_documents_is_rewritten_in_any_case(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret()], expected=2).close()
    change(store, 2, 1, delete=[2])
    store.drop(1)
    path = store.root / "00000002" / "lockgate-seal.json"
    facts = json.loads(path.read_text())
    assert facts.pop("ghosts") == [2]
    path.write_text(json.dumps(facts))
    change(store, 3, 2, add=[point(3)])
    store.erase({2})
    assert holding(store) == []
    assert directories(store) == ["00000002.1", "00000003.1"]


def test_what_stays_is_found_with_the_same_scores_as_if_the_rest_had_never_been(store: EdgeStore) -> None:
    kept = [point(id, unit(1, id, 2, 0), {1: 1.0, id: id / 7}, rule=id % 3) for id in range(1, 30)]
    gone = [point(id, unit(1, id, 3, 0), {1: 2.0}, document=500) for id in range(100, 140)]
    never = sealed(store, 1, kept, expected=29)
    sealed(store, 2, [*gone, *kept], expected=69).close()
    store.erase({500})
    after = store.open(2)
    assert after.points == 29
    for query in (
        IndexQuery(ALL, limit=50, dense=unit(1, 2, 0, 0)),
        IndexQuery(ALL, limit=50, sparse=terms(1, 5)),
        IndexQuery(ALL, limit=50, dense=unit(1, 2, 0, 0), sparse=terms(1, 5), match={"document": "s/5"}),
    ):
        assert after.query(query) == never.query(query)
    never.close()
    after.close()


def test_a_version_whose_points_are_all_erased_opens_and_answers_nothing(store: EdgeStore) -> None:
    sealed(store, 1, [secret()], expected=1).close()
    store.erase({2})
    assert seen(store, 1) == []
    assert store.sealed() == [1]
    assert holding(store) == []
    reader = sealed(store, 2, [point(5)], expected=1, base=1)
    assert (ids(reader), lexical_ids(reader, ALL, 1)) == ([5], [5])
    reader.close()


def test_a_point_without_terms_survives_an_erasure(store: EdgeStore) -> None:
    sealed(store, 1, [point(1, terms={}), secret(), point(3)], expected=3).close()
    store.erase({2})
    reader = store.open(1)
    assert (ids(reader), lexical_ids(reader, ALL, 1)) == ([1, 3], [3])
    reader.close()


def test_a_reader_that_is_open_goes_on_while_its_version_is_erased_and_dropped(store: EdgeStore) -> None:
    old = sealed(store, 1, [point(1), secret(), point(3)], expected=3)
    store.erase({2})
    new = store.open(1)
    assert (ids(old), lexical_ids(old, ALL, 7), ids(new)) == ([1, 2, 3], [2], [1, 3])
    store.erase({3})
    store.drop(1)
    assert (ids(old), lexical_ids(old, ALL, 1, 7), ids(new)) == ([1, 2, 3], [1, 2, 3], [1, 3])
    old.close()
    new.close()
    assert directories(store) == []


def test_the_highest_suffix_counts_and_tidying_removes_the_others(store: EdgeStore) -> None:
    sealed(store, 7, [point(1), secret()], expected=2).close()
    shutil.copytree(store.root / "00000007", store.root / "kept")
    for _ in range(11):
        store.erase({2})
    assert directories(store) == ["00000007.1", "kept"]
    (store.root / "00000007.1").rename(store.root / "00000007.10")
    # As if killed between the rename and the removal; "10" is more than "9".
    shutil.copytree(store.root / "kept", store.root / "00000007.9")
    (store.root / "kept").rename(store.root / "00000007")
    assert (seen(store, 7), store.sealed()) == ([1], [7])
    assert store.tidy() == ["00000007", "00000007.9"]
    assert (seen(store, 7), directories(store), holding(store)) == ([1], ["00000007.10"], [])
    assert store.tidy() == []


def test_a_version_that_has_a_suffix_is_sealed_once_and_dropped_whole(store: EdgeStore) -> None:
    sealed(store, 1, [point(1), secret()], expected=2).close()
    shutil.copytree(store.root / "00000001", store.root / "00000001.0-kept")
    store.erase({2})
    (store.root / "00000001.0-kept").rename(store.root / "00000001")
    store.drop(1)
    assert (store.sealed(), directories(store)) == ([], [])
    with pytest.raises(IndexMissingError):
        store.open(1)


def test_what_an_opening_made_anew_of_a_removed_version_is_none(store: EdgeStore) -> None:
    remnant = store.root / "00000001.3" / "segments" / "0000" / "payload_index"
    remnant.mkdir(parents=True)
    assert store.sealed() == []
    store.drop(1)
    sealed(store, 1, [point(1)], expected=1).close()
    assert seen(store, 1) == [1]
    remnant.mkdir(parents=True, exist_ok=True)
    assert seen(store, 1) == [1]
    assert store.tidy() == ["00000001.3"]
    assert directories(store) == ["00000001"]


def test_a_damaged_version_is_told_and_keeps_no_other_from_being_erased(store: EdgeStore) -> None:
    for version in (1, 2, 3):
        sealed(store, version, [point(1), secret()], expected=2).close()
    damaged = next((store.root / "00000002").rglob("chunk_0.mmap"))
    with damaged.open("r+b") as file:
        file.seek(4000)
        file.write(b"damage")
    with pytest.raises(IndexCorruptError) as caught:
        store.erase({2})
    assert caught.value.where == str(store.root / "00000002")
    # Not sealed anew as if it were sound; to drop it removes the rest.
    assert directories(store) == ["00000001.1", "00000002", "00000003.1"]
    store.drop(2)
    assert holding(store) == []


_OPENING = """
import sys, time
from pathlib import Path
from rag.index import EdgeStore
from tests.rag.index.contract import ids

store = EdgeStore(Path(sys.argv[1]))
found = set()
while not Path(sys.argv[2]).exists():
    reader = store.open(1)
    found.add(tuple(ids(reader)))
    reader.close()
    assert store.sealed() == [1], store.sealed()
    print(len(found), flush=True)
"""


def test_other_processes_that_open_the_version_meanwhile_never_fail(store: EdgeStore, tmp_path: Path) -> None:
    sealed(store, 1, [point(id) for id in range(1, 9)], expected=8).close()
    stop = tmp_path / "stop"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", _OPENING, str(store.root), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            assert other.stdout.readline()
        for document in range(1, 8):
            store.erase({document})
    finally:
        stop.touch()
        errors = [other.communicate(timeout=60)[1] for other in others]
    assert (errors, [other.returncode for other in others]) == (["", ""], [0, 0])
    assert seen(store, 1) == [8]
    # The engine may have made parts anew of a directory that was removed while it was being opened.
    store.tidy()
    assert directories(store) == ["00000001.7"]


@pytest.mark.soak
def test_an_erased_vector_is_in_no_file_of_a_version_with_a_graph(store: EdgeStore) -> None:
    random = np.random.default_rng(3)
    vectors = random.normal(size=(8000, 384)).astype(np.float32)
    builder = store.build(1, dimension=384, base=None)
    builder.upsert(point(id, vectors[id], document=id // 4) for id in range(8000))
    builder.seal(expected_points=8000)
    builder = store.build(2, dimension=384, base=1)
    builder.delete(range(40, 48))
    builder.seal(expected_points=7992)
    assert holding(store, vectors[41]) == ["00000001", "00000002"]
    store.erase({10, 300})
    assert [holding(store, vectors[id]) for id in (*range(40, 44), *range(1200, 1204))] == [[]] * 8
    assert holding(store, vectors[44]) == ["00000001.1"]
    assert [store.open(version).points for version in store.sealed()] == [7992, 7988]
