"""The embedded store: the contract, and what can happen to a directory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.errors import IndexCorruptError, IndexMissingError, IndexStoreError
from rag.index import EdgeStore, IndexStore
from tests.rag.index.contract import IndexStoreContract, ids, point, sealed


class TestEdgeStore(IndexStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> IndexStore:
        return EdgeStore(tmp_path / "index")

    @pytest.fixture(scope="class")
    @classmethod
    def shared_store(cls, tmp_path_factory: pytest.TempPathFactory) -> IndexStore:
        return EdgeStore(tmp_path_factory.mktemp("shared") / "index")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> EdgeStore:
    """A store with version 1 of three points. Tests that damage it mend it."""
    store = EdgeStore(tmp_path_factory.mktemp("sound"))
    sealed(store, 1, [point(1), point(2), point(3)], expected=3).close()
    return store


def directory(store: EdgeStore, version: int = 1) -> Path:
    return store.root / f"{version:08d}"


def files(store: EdgeStore) -> list[Path]:
    return sorted(path for path in directory(store).rglob("*") if path.is_file())


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """``content`` in the file's place for a while."""
    kept = path.with_name(path.name + ".kept")
    path.rename(kept)
    path.write_bytes(content)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        kept.rename(path)


def assert_corrupt(store: EdgeStore, *, opening: bool = True) -> None:
    """Opening, reading through and copying all name the directory."""
    for attempt in [store.verify, *([store.open] if opening else [])]:
        with pytest.raises(IndexCorruptError) as caught:
            attempt(1)
        assert caught.value.where == str(directory(store))
        assert "lockgate" in caught.value.next_step
    if opening:
        with pytest.raises(IndexCorruptError) as caught:
            store.build(2, dimension=4, base=1)
        assert caught.value.where == str(directory(store))


def test_every_file_that_is_missing_is_found_at_opening(sound: EdgeStore) -> None:
    for path in files(sound):
        kept = path.with_name(path.name + ".kept")
        path.rename(kept)
        try:
            assert_corrupt(sound)
        finally:
            path.unlink(missing_ok=True)
            kept.rename(path)
    sound.verify(1)


def test_every_file_that_is_cut_short_is_found_at_opening(sound: EdgeStore) -> None:
    for path in files(sound):
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(size - 1)
            last = file.read()
            file.truncate(size - 1)
        try:
            assert_corrupt(sound)
        finally:
            with path.open("r+b") as file:
                file.truncate(size - 1)
                file.seek(size - 1)
                file.write(last)
    sound.verify(1)


@pytest.mark.parametrize("pattern", ["**/chunk_0.mmap", "**/segment.json", "**/mutable_id_tracker.mappings"])
def test_a_flipped_byte_is_found_by_reading_through(sound: EdgeStore, pattern: str) -> None:
    path = next(directory(sound).glob(pattern))
    with path.open("r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    try:
        assert_corrupt(sound, opening=False)
    finally:
        with path.open("r+b") as file:
            file.write(byte)
    sound.verify(1)


@pytest.mark.parametrize(
    "seal",
    [
        b"",
        b"\x00\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"format": "one", "points": 3, "files": {}}',
        b'{"format": 1}',
        b'{"format": 1, "points": 3}',
        b'{"format": 1, "files": {}}',
        b'{"format": 1, "points": 3, "files": []}',
        b'{"format": 1, "points": 3, "files": {"a": 5}}',
        b'{"format": 1, "points": "three", "files": {}}',
        b'{"format": 1, "points": 4, "files": {}}',
        b'{"format": 99, "points": 3, "files": {}}',
    ],
)
def test_a_seal_that_is_not_one_is_found_at_opening(sound: EdgeStore, seal: bytes) -> None:
    with replaced(directory(sound) / "lockgate-seal.json", seal):
        for attempt in (sound.open, sound.verify):
            with pytest.raises(IndexCorruptError) as caught:
                attempt(1)
            assert caught.value.where == str(directory(sound))


def test_engine_settings_that_are_garbage_are_found_at_opening(sound: EdgeStore) -> None:
    with replaced(directory(sound) / "edge_config.json", b"garbage"):
        assert_corrupt(sound)


def test_a_directory_that_is_gone_is_named(sound: EdgeStore) -> None:
    for attempt in (sound.open, sound.verify):
        with pytest.raises(IndexMissingError) as caught:
            attempt(5)
        assert caught.value.where == str(directory(sound, 5))


def test_a_file_in_the_place_of_a_directory_is_no_version(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    (tmp_path / "00000001").write_text("")
    with pytest.raises(IndexMissingError):
        store.open(1)
    assert store.sealed() == []


def test_a_store_without_its_folder_has_no_versions(tmp_path: Path) -> None:
    assert EdgeStore(tmp_path / "nowhere").sealed() == []


def test_what_a_killed_build_left_is_cleaned_by_the_next(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    left = tmp_path / ".building-00000001"
    (left / "segments").mkdir(parents=True)
    (left / "segments" / "half").write_text("a half-written file")
    assert store.sealed() == []
    reader = sealed(store, 1, [point(7)], expected=1)
    assert ids(reader) == [7]
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]
    reader.close()


def test_a_build_that_was_killed_by_force_is_cleaned_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from rag.index import EdgeStore\n"
        "from tests.rag.index.contract import point\n"
        "builder = EdgeStore(Path(sys.argv[1])).build(1, dimension=4, base=None)\n"
        "builder.upsert([point(1)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert ended.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] == [".building-00000001"]
    store = EdgeStore(tmp_path)
    assert store.sealed() == []
    reader = sealed(store, 1, [point(2)], expected=1)
    assert ids(reader) == [2]
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]
    reader.close()


def test_other_processes_open_the_same_version_at_the_same_time(sound: EdgeStore) -> None:
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from rag.index import EdgeStore\n"
        "from tests.rag.index.contract import ids\n"
        "reader = EdgeStore(Path(sys.argv[1])).open(1)\n"
        "print(json.dumps(ids(reader)), flush=True)\n"
        "sys.stdin.read()\n"
    )
    mine = sound.open(1)
    others = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(sound.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for other in others:  # each still has it open while the next one reads
            assert other.stdout is not None
            assert json.loads(other.stdout.readline()) == [1, 2, 3]
        assert ids(mine) == [1, 2, 3]
    finally:
        for other in others:
            other.communicate("")
        mine.close()
    assert [other.returncode for other in others] == [0, 0]
    sound.verify(1)


def test_opening_and_searching_change_no_sealed_file(sound: EdgeStore) -> None:
    for _ in range(3):
        reader = sound.open(1)
        assert ids(reader) == [1, 2, 3]
        reader.close()
    sound.verify(1)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file where the folder should be")
    with pytest.raises((IndexStoreError, FileExistsError)):
        EdgeStore(tmp_path / "index").build(1, dimension=4, base=None)
