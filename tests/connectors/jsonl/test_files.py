"""Which files a path means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.jsonl.files import files
from rag.errors import ConfigurationError, SourceError, SourceUnavailableError, SourceVanishedError
from tests.connectors.jsonl.conftest import Jsonl


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``b.jsonl``, ``a.jsonl``, ``notes.txt``, a hidden file, and ``sub/c.jsonl``."""
    for name in ("b.jsonl", "a.jsonl", "notes.txt", ".hidden.jsonl", "sub/c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a.jsonl", ["a.jsonl"]),
        ("notes.txt", ["notes.txt"]),
        (".", ["a.jsonl", "b.jsonl"]),
        ("sub", ["sub/c.jsonl"]),
        ("*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("[ab].jsonl", ["a.jsonl", "b.jsonl"]),
        ("*/*.jsonl", ["sub/c.jsonl"]),
        ("**/*.jsonl", ["a.jsonl", "b.jsonl", "sub/c.jsonl"]),
        ("sub/*", ["sub/c.jsonl"]),
    ],
)
def test_a_path_is_a_file_a_folder_or_a_glob(folder: Path, path: str, names: list[str]) -> None:
    assert [str(file.relative_to(folder)) for file in files(path, folder)] == names
    assert files(str(folder / path), Path("/")) == files(path, folder)


def test_a_folder_without_lines_is_empty_and_not_gone(folder: Path) -> None:
    assert files("folder.jsonl", folder) == ()


def test_a_file_that_looks_like_a_glob_is_itself(folder: Path) -> None:
    (folder / "[ab].jsonl").write_text("")
    assert files("[ab].jsonl", folder) == (folder / "[ab].jsonl",)


@pytest.mark.parametrize(
    "path", ["nowhere.jsonl", "nowhere", "no/where/*.jsonl", "*.csv", "a.jsonl/b", "a.jsonl/*"]
)
def test_what_is_not_there_is_an_incident(folder: Path, path: str) -> None:
    with pytest.raises(SourceVanishedError):
        files(path, folder)


def test_a_folder_that_cannot_be_read_is_no_short_listing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceUnavailableError, match="Permission denied"):
        files("**/*.jsonl", folder)


def test_ids_are_unique_over_all_files(jsonl: Jsonl, tmp_path: Path) -> None:
    connector = jsonl(path="*.jsonl")
    (tmp_path / "a.jsonl").write_text('{"_id": "1", "text": "t"}\n')
    (tmp_path / "b.jsonl").write_text('{"_id": "2", "text": "t"}\n')
    assert [ref.id for ref in connector.list()] == ["1", "2"]
    (tmp_path / "b.jsonl").write_text('\n{"_id": "1", "text": "t"}\n')
    with pytest.raises(SourceError, match=r"first at .*a\.jsonl:1") as caught:
        list(connector.list())
    assert caught.value.where.endswith("b.jsonl:2")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("path", "*/../x.jsonl"),
        ("path", ""),
        ("path", "a\0b"),
        ("encoding", "utf-16"),
        ("encoding", "klingon"),
    ],
)
def test_a_path_or_encoding_that_cannot_be_is_a_configuration_error(
    jsonl: Jsonl, option: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^f:1: {option}: "):
        jsonl(**{option: value})
