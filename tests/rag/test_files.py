"""Digests of files with holes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.files import content_digest


def written(path: Path, *pieces: tuple[int, bytes], size: int) -> Path:
    with path.open("wb") as file:
        for place, data in pieces:
            file.seek(place)
            file.write(data)
        file.truncate(size)
    return path


def test_holes_and_written_zeros_are_the_same(tmp_path: Path) -> None:
    holes = written(tmp_path / "a", (100_000, b"text"), size=300_000)
    zeros = tmp_path / "b"
    zeros.write_bytes(holes.read_bytes())
    assert content_digest(holes) == content_digest(zeros)


@pytest.mark.parametrize(
    ("pieces", "size"),
    [
        ([(100_000, b"tekt")], 300_000),
        ([(100_001, b"text")], 300_000),
        ([(104_096, b"text")], 300_000),
        ([(100_000, b"text")], 300_001),
        ([(100_000, b"text"), (299_999, b"\1")], 300_000),
        ([(0, b"\1"), (100_000, b"text")], 300_000),
        ([], 300_000),
    ],
)
def test_any_other_content_place_or_size_is_another_digest(
    tmp_path: Path, pieces: list[tuple[int, bytes]], size: int
) -> None:
    one = written(tmp_path / "a", (100_000, b"text"), size=300_000)
    assert content_digest(written(tmp_path / "b", *pieces, size=size)) != content_digest(one)


def test_an_empty_file_and_a_hole_have_digests_of_their_own(tmp_path: Path) -> None:
    empty, hole = written(tmp_path / "a", size=0), written(tmp_path / "b", size=4096)
    assert content_digest(empty) != content_digest(hole)


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(os.urandom(9000))
    before, whole = content_digest(path), path.read_bytes()
    for place in range(0, 9000, 499):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert content_digest(path) != before
