"""Room on the disk: a full one kills a process that writes through memory maps, as the engine does."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexStoreError
from rag.index.port import IndexPoint

MARGIN_BYTES = 16 * 2**20
_MB = 2**20
# Measured, 2,000 to 50,000 points: beside its vectors a point takes 240 to 350 bytes, and optimising needs at
# most 1.48 times what was written once more.
_BYTES_A_POINT = 512
_SPARSE_BYTES_A_TERM = 8
_OPTIMISING = 1.6
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Task:
    """What needs the room, and what its error says where there is none."""

    root: Path
    what: str
    state: str
    next_step: str

    def require(self, needed_bytes: float) -> None:
        """Raises ``IndexStoreError`` unless the disk has so many bytes left, and a margin."""
        free = shutil.disk_usage(self.root).free
        if free < needed_bytes + MARGIN_BYTES:
            needed = f"{self.what} needs about {(needed_bytes + MARGIN_BYTES) / _MB:.0f} MB"
            raise self._error(f"the disk has {free / _MB:.0f} MB left and {needed}")

    def full(self) -> IndexStoreError:
        """The error for a disk that was full all the same."""
        free = shutil.disk_usage(self.root).free
        return self._error(f"the disk is full: it has {free / _MB:.0f} MB left, too little for {self.what}")

    def _error(self, what: str) -> IndexStoreError:
        return IndexStoreError(what, where=str(self.root), state=self.state, next_step=self.next_step)


def building(root: Path) -> Task:
    return Task(
        root,
        "the next version",
        "Nothing was sealed; the promoted version is untouched",
        "Free space or run lockgate sweep, then lockgate ingest again",
    )


def erasing(root: Path, version: int) -> Task:
    return Task(
        root,
        f"rewriting version {version}",
        f"Version {version} is as it was and still holds what was to be erased",
        "Free space, then run lockgate purge again",
    )


def opening(directory: Path) -> Task:
    """The engine writes its settings whenever it opens a directory, to read it too."""
    return Task(directory, "opening a version", "The version is as it was", "Free space, then try again")


def copying(root: Path) -> Task:
    return Task(root, "the copy", "Nothing was changed", "Free space, then try again")


def optimising(directory: Path, added_bytes: int = 0) -> float:
    """Bytes that are needed to go on to the end with ``directory`` and so many more."""
    return added_bytes + _OPTIMISING * (allocated(directory) + added_bytes)


def of_points(points: Iterable[IndexPoint]) -> int:
    """Bytes that the points take before they are optimised."""
    return sum(
        point.dense.nbytes + _SPARSE_BYTES_A_TERM * len(point.sparse.indices) + _BYTES_A_POINT
        for point in points
    )


def allocated(directory: Path) -> int:
    """Bytes on the disk of everything below ``directory``; holes count nothing, what vanishes meanwhile neither."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def is_full(error: BaseException) -> bool:
    """Whether this says that the disk is full. The engine says it in words only."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return says_full(str(error))


def says_full(text: str) -> bool:
    return "No space left on device" in text
