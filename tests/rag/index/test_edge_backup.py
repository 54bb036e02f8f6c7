"""The embedded store's versions out to a folder and back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import IndexCorruptError, IndexMissingError, IndexStoreError
from rag.index import EdgeStore
from tests.rag.index.contract import ids, point, sealed


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    """Versions 1 (points 1 to 3), 2 (1, 2) and 3 (7); 3 was erased from."""
    store = EdgeStore(tmp_path / "index")
    sealed(store, 1, [point(1), point(2), point(3)], expected=3).close()
    sealed(store, 2, [point(1), point(2)], expected=2).close()
    sealed(store, 3, [point(7), point(8)], expected=2).close()
    store.erase({8})
    return store


def answers(store: EdgeStore) -> dict[int, list[int]]:
    """What a dense search sees in each version; every version reads through as sound."""
    found = {}
    for version in store.sealed():
        store.verify(version)
        reader = store.open(version)
        found[version] = ids(reader)
        reader.close()
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damage(directory: Path) -> None:
    with next(directory.rglob("chunk_0.mmap")).open("r+b") as file:
        file.write(b"damage")


def test_what_is_copied_comes_back_as_it_was(store: EdgeStore, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "backup", [3, 1])
    assert names(tmp_path / "backup") == ["00000001", "00000003"]
    other = EdgeStore(tmp_path / "elsewhere" / "index")
    other.load_from(tmp_path / "backup")
    assert answers(other) == {1: [1, 2, 3], 3: [7]}
    assert names(other.root) == ["00000001", "00000003"]
    reader = sealed(other, 4, [point(9)], expected=2, base=3)
    assert ids(reader) == [7, 9]
    reader.close()
    assert answers(store) == {1: [1, 2, 3], 2: [1, 2], 3: [7]}


def test_a_copy_takes_less_room_than_its_files_are_long(store: EdgeStore, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "backup", [1])
    files = [path for path in (tmp_path / "backup").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 50 * 2**20
    assert sum(path.stat().st_blocks * 512 for path in files) < 2**20


def test_copying_again_adds_what_is_new_and_refuses_what_is_another(store: EdgeStore, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    (backup / ".building-00000002").mkdir(parents=True)  # a copy that was killed
    store.copy_to(backup, [1])
    store.copy_to(backup, [1, 2])
    assert names(backup) == ["00000001", "00000002"]
    store.erase({3})
    with pytest.raises(IndexStoreError, match="another version 1 is there already"):
        store.copy_to(backup, [1])
    assert answers(EdgeStore(backup)) == {1: [1, 2, 3], 2: [1, 2]}


def test_a_version_that_is_not_there_is_not_copied(store: EdgeStore, tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        store.copy_to(tmp_path / "backup", [1, 9])
    assert not (tmp_path / "backup").exists()


def test_a_damaged_version_is_never_a_backup(store: EdgeStore, tmp_path: Path) -> None:
    damage(store.root / "00000002")
    with pytest.raises(IndexCorruptError) as caught:
        store.copy_to(tmp_path / "backup", [2])
    assert caught.value.where == str(store.root / "00000002")
    assert names(tmp_path / "backup") == []


def test_a_backup_of_no_version_brings_back_none(store: EdgeStore, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "backup", [])
    other = EdgeStore(tmp_path / "other")
    other.load_from(tmp_path / "backup")
    assert (other.sealed(), names(other.root)) == ([], [])
    with pytest.raises(IndexStoreError, match="nothing to bring back"):
        other.load_from(tmp_path / "nowhere")


def test_a_store_that_holds_a_version_is_not_loaded_over(store: EdgeStore, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "backup", [1])
    with pytest.raises(IndexStoreError, match="holds versions already: 1, 2, 3"):
        store.load_from(tmp_path / "backup")
    assert answers(store) == {1: [1, 2, 3], 2: [1, 2], 3: [7]}


def test_a_damaged_backup_brings_back_nothing(store: EdgeStore, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "backup", [1, 2])
    damage(tmp_path / "backup" / "00000002")
    other = EdgeStore(tmp_path / "other")
    with pytest.raises(IndexCorruptError) as caught:
        other.load_from(tmp_path / "backup")
    assert caught.value.where == str(tmp_path / "backup" / "00000002")
    assert other.sealed() == []


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "segments/../../outside"])
def test_a_backup_that_names_files_outside_itself_is_refused(
    store: EdgeStore, tmp_path: Path, name: str
) -> None:
    store.copy_to(tmp_path / "backup", [1])
    seal = tmp_path / "backup" / "00000001" / "lockgate-seal.json"
    facts = json.loads(seal.read_text())
    facts["files"][name] = [0, ""]
    seal.write_text(json.dumps(facts))
    with pytest.raises(IndexCorruptError, match="its seal cannot be read"):
        EdgeStore(tmp_path / "other").load_from(tmp_path / "backup")


def test_a_load_that_stopped_half_way_brought_nothing_and_is_done_again(
    store: EdgeStore, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    store.copy_to(backup, [1, 2, 3])
    other = EdgeStore(tmp_path / "other")
    # As it is after a kill between two renames: version 1 has its name, 2 does not.
    (other.root / ".building-load").mkdir(parents=True)
    shutil.copytree(backup / "00000001", other.root / "00000001")
    shutil.copytree(backup / "00000002", other.root / ".building-load" / "00000002")
    assert other.sealed() == []
    with pytest.raises(IndexMissingError):
        other.open(1)
    assert other.tidy() == [".building-load", "00000001"]
    assert names(other.root) == []
    other.load_from(backup)
    assert answers(other) == {1: [1, 2, 3], 2: [1, 2], 3: [7]}


def test_a_build_after_a_load_that_stopped_half_way_starts_from_nothing(
    store: EdgeStore, tmp_path: Path
) -> None:
    store.copy_to(tmp_path / "backup", [1])
    other = EdgeStore(tmp_path / "other")
    (other.root / ".building-load").mkdir(parents=True)
    shutil.copytree(tmp_path / "backup" / "00000001", other.root / "00000001")
    with pytest.raises(IndexMissingError):
        other.build(2, dimension=4, base=1)
    sealed(other, 1, [point(5)], expected=1).close()
    assert answers(other) == {1: [5]}


_READING = """
import sys
from pathlib import Path
from rag.index import EdgeStore

store = EdgeStore(Path(sys.argv[1]))
while not Path(sys.argv[2]).exists():
    store.open(1).close()
    print("opened", flush=True)
"""


def test_a_copy_is_sound_though_readers_open_and_close_the_version_meanwhile(
    store: EdgeStore, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    other = subprocess.Popen(
        [sys.executable, "-c", _READING, str(store.root), str(stop)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline()
        for number in range(10):
            store.copy_to(tmp_path / str(number), [1])
            builder = store.build(4, dimension=4, base=1)
            builder.abandon()
    finally:
        stop.touch()
        other.communicate(timeout=60)
    assert other.returncode == 0
    for number in range(10):
        assert answers(EdgeStore(tmp_path / str(number))) == {1: [1, 2, 3]}
        assert not list((tmp_path / str(number)).rglob(".atomicwrite*"))
