"""A full disk: told before it kills the process, nothing half-built left, and the sealed version goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import IndexStoreError
from rag.index import EdgeStore, edge_files, edge_shard, edge_space
from tests.rag.index.contract import ids, point, sealed

MB = 2**20
DISK_MB = 72


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own. Not tmpfs: that fills the engine's holes when they are read."""
    folder, image = tmp_path / "disk", tmp_path / "image"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_MB * MB)
    mkfs, mount = ["mkfs.ext4", "-q", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(folder)]
    for command in (mkfs, mount):
        if shutil.which(command[0]) is None:
            pytest.skip(f"needs a file system of its own, and {command[0]} is not there")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs a file system of its own: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def store(disk: Path) -> EdgeStore:
    """Version 1 of two points on the small disk."""
    store = EdgeStore(disk / "index")
    sealed(store, 1, [point(1), point(2)], expected=2).close()
    return store


def fill(disk: Path, *, leaving_mb: int) -> Path:
    """A file that takes all of the disk but so much."""
    filler = disk / "filler"
    if not leaving_mb:
        whole = ["dd", "if=/dev/zero", f"of={filler}", "bs=4k"]
        assert "No space left" in subprocess.run(whole, capture_output=True, text=True, check=False).stderr
        return filler
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leaving_mb * MB)
    return filler


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_untouched(store: EdgeStore) -> None:
    store.verify(1)
    reader = store.open(1)
    assert ids(reader) == [1, 2]
    reader.close()
    assert names(store.root) == ["00000001"]


# In a process of its own, so that a signal would be seen as one.
_BUILD = """
import sys
from pathlib import Path

import numpy as np

from rag.errors import IndexStoreError
from rag.index import EdgeStore
from tests.rag.index.contract import point

root, version, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
try:
    builder = EdgeStore(root).build(version, dimension=384, base=None)
    try:
        print("started")
        builder.upsert(point(id, random.normal(size=384).astype(np.float32)) for id in range(count))
        print("written")
        builder.seal(expected_points=count)
        print("sealed")
    finally:
        builder.abandon()
except IndexStoreError as error:
    print(error)
"""


def build(store: EdgeStore, *, points: int) -> list[str]:
    """Builds version 2 in another process; the steps that it reached and the error."""
    ended = subprocess.run(
        [sys.executable, "-c", _BUILD, str(store.root), "2", str(points)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def test_a_build_does_not_start_on_a_disk_that_is_nearly_full(store: EdgeStore, disk: Path) -> None:
    filler = fill(disk, leaving_mb=10)
    [error] = build(store, points=10)
    assert error == (
        f"{store.root}: the disk has 10 MB left and the next version needs about 16 MB. "
        "Nothing was sealed; the promoted version is untouched. "
        "Free space or run lockgate sweep, then lockgate ingest again."
    )
    assert_untouched(store)
    filler.unlink()
    assert build(store, points=10) == ["started", "written", "sealed"]


def test_a_build_that_outgrows_the_disk_stops_in_time_and_succeeds_once_there_is_room(
    store: EdgeStore, disk: Path
) -> None:
    filler = fill(disk, leaving_mb=24)
    started, error = build(store, points=6000)
    assert started == "started"
    assert "MB left and the next version needs about" in error
    assert_untouched(store)
    filler.unlink()
    assert build(store, points=6000) == ["started", "written", "sealed"]
    assert store.sealed() == [1, 2]
    store.verify(2)


def test_small_versions_fit_on_a_small_disk(store: EdgeStore, disk: Path) -> None:
    fill(disk, leaving_mb=20)
    for version in (2, 3, 4):
        sealed(store, version, [point(version + 10)], expected=version + 1, base=version - 1).close()
    store.erase({1})
    assert store.sealed() == [1, 2, 3, 4]


def test_an_erasure_without_room_is_told_and_done_again(store: EdgeStore, disk: Path) -> None:
    filler = fill(disk, leaving_mb=10)
    with pytest.raises(IndexStoreError, match="10 MB left and rewriting version 1 needs about") as caught:
        store.erase({2})
    assert "still holds what was to be erased" in caught.value.state
    assert_untouched(store)
    filler.unlink()
    store.erase({2})
    reader = store.open(1)
    assert ids(reader) == [1]
    reader.close()


def test_copies_without_room_are_told(store: EdgeStore, disk: Path, tmp_path: Path) -> None:
    store.copy_to(tmp_path / "sound", [1])
    fill(disk, leaving_mb=10)
    with pytest.raises(IndexStoreError, match="10 MB left and the copy needs about"):
        store.copy_to(disk / "backup", [1])
    assert names(disk / "backup") == []
    with pytest.raises(IndexStoreError, match="10 MB left and the copy needs about"):
        EdgeStore(disk / "other").load_from(tmp_path / "sound")
    assert EdgeStore(disk / "other").sealed() == []


def test_a_disk_that_fills_up_after_all_is_told_the_same_way(store: EdgeStore, disk: Path) -> None:
    task = edge_space.building(store.root)
    reader = store.open(1)
    filler = fill(disk, leaving_mb=0)
    with pytest.raises(IndexStoreError, match="the disk is full: it has 0 MB left"):
        edge_files.copy(store.root / "00000001", store.root / ".building-00000002", task)
    with (
        pytest.raises(IndexStoreError, match="the disk is full: it has 0 MB left") as caught,
        edge_shard.told(store.root, task),
    ):
        (disk / "more").write_bytes(bytes(MB))
    assert "lockgate sweep" in caught.value.next_step
    assert ids(reader) == [1, 2]
    reader.close()
    filler.unlink()
    assert_untouched(store)
