"""Fetching stays below the root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.filesystem import tree
from rag.errors import SourceError, SourceUnavailableError, SourceVanishedError
from tests.connectors.filesystem.conftest import Files


@pytest.mark.parametrize(
    "id",
    ["../secret.txt", "a/../../secret.txt", "/etc/passwd", "", ".", "a//b.txt", "a/./b.txt", "a\0b", "a/"],
)
def test_an_id_that_is_no_plain_path_is_an_error(files: Files, root: Path, id: str) -> None:
    (root.parent / "secret.txt").write_text("secret")
    connector = files({"a/b.txt": "x"})
    with pytest.raises(SourceError, match="is no id of a document"):
        connector.fetch(id)


@pytest.mark.parametrize("id", [".env", ".git/config", "a/.access.yaml", "a/b.bak"])
def test_what_is_not_listed_is_not_fetched(files: Files, id: str) -> None:
    connector = files({id: "x"}, exclude=["**/*.bak"])
    with pytest.raises(SourceError, match="not one of the documents"):
        connector.fetch(id)


def test_a_folder_is_no_document(files: Files) -> None:
    with pytest.raises(SourceError, match="not a regular file"):
        files({"a/b.txt": "x"}).fetch("a")


def test_a_file_as_a_folder_is_no_document(files: Files) -> None:
    with pytest.raises(SourceError, match="no longer there"):
        files({"a.txt": "x"}).fetch("a.txt/b")


def test_a_name_longer_than_any_file_is_no_document(files: Files) -> None:
    with pytest.raises(SourceError, match="not a regular file"):
        files({"a.txt": "x"}).fetch("a" * 300)


def test_the_name_is_the_last_part_and_the_bytes_are_untouched(files: Files, root: Path) -> None:
    connector = files({"a/b.txt": ""})
    (root / "a/b.txt").write_bytes(b"\xff\x00\r\n")
    content = connector.fetch("a/b.txt")
    assert (content.name, content.data) == ("b.txt", b"\xff\x00\r\n")


def test_without_its_root_a_document_is_not_simply_gone(files: Files, root: Path) -> None:
    connector = files({"a.txt": "x"})
    root.rename(root.parent / "elsewhere")
    with pytest.raises(SourceVanishedError):
        connector.fetch("a.txt")


def test_a_file_that_may_not_be_read_may_be_tried_again(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = files({"a.txt": "x"})

    def refusing(self: tree.Tree, parts: tree.Parts, limit_bytes: int = -1) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tree.Tree, "read", refusing)
    with pytest.raises(SourceUnavailableError, match="Permission denied"):
        connector.fetch("a.txt")


def test_a_file_that_is_being_written_is_not_read_in_half(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = files({"a.txt": "first half"})
    real = os.fstat

    def then_written(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        with (root / "a.txt").open("a") as stream:
            stream.write(", second half")
        return status

    monkeypatch.setattr(os, "fstat", then_written)
    with pytest.raises(SourceUnavailableError, match=r"a\.txt changed while it was read"):
        connector.fetch("a.txt")
