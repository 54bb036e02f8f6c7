"""Files that last, and digests of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_BLOCK = 4096
_READ_AT_ONCE = 256 * _BLOCK
_ZEROS = bytes(_BLOCK)


def content_digest(path: Path) -> str:
    """SHA-256, in hex, over the file's size and every block of 4 KiB that is not all zeros, each with its place.

    Equal for equal contents, whatever of them the file system keeps as holes, and holes are not read: the
    engine's files are a hundred times as long as what a small version has in them.
    """
    with path.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        size = os.fstat(descriptor).st_size
        digest = hashlib.sha256(size.to_bytes(8))
        place = 0
        while (place := _data_from(descriptor, place, size)) < size:
            end = min(size, -(-os.lseek(descriptor, place, os.SEEK_HOLE) // _BLOCK) * _BLOCK)
            while place < end:
                data = os.pread(descriptor, min(_READ_AT_ONCE, end - place), place)
                if not data:  # it was cut while it was read; its size tells
                    return digest.hexdigest()
                for start in range(0, len(data), _BLOCK):
                    block = data[start : start + _BLOCK]
                    if block != _ZEROS[: len(block)]:
                        digest.update((place + start).to_bytes(8))
                        digest.update(block)
                place += len(data)
        return digest.hexdigest()


def _data_from(descriptor: int, place: int, size: int) -> int:
    """Where data begins at or after ``place``, at a block's start; ``size`` where only a hole is left."""
    try:
        return max(place, os.lseek(descriptor, place, os.SEEK_DATA) // _BLOCK * _BLOCK)
    except OSError:
        return size


def sync_file(path: Path) -> None:
    """Makes a file and its name durable."""
    _sync(path)
    _sync(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in ``directory`` durable."""
    _sync(directory)


def sync_tree(directory: Path) -> None:
    """Makes everything below ``directory`` durable."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() or path.is_dir():
            _sync(path)
    _sync(directory)


def write_durably(path: Path, content: bytes) -> None:
    """Writes a file; when this returns, it and its name last."""
    path.write_bytes(content)
    sync_file(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
