"""Folders with files in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors import DocumentRef, build
from connectors.filesystem import FilesystemConnector

Files = Callable[..., FilesystemConnector]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the source; what is beside it in ``tmp_path`` is outside."""
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


@pytest.fixture
def files(root: Path) -> Files:
    """Writes files, given by path and text, and returns a connector with the given options."""

    def written(contents: dict[str, str] | None = None, **options: object) -> FilesystemConnector:
        for name, text in (contents or {}).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        connector = build("filesystem", {"path": root.name, **options}, directory=root.parent, where="f:1")
        assert isinstance(connector, FilesystemConnector)
        return connector

    return written


def ids(connector: FilesystemConnector) -> list[str]:
    """The ids in the order in which they are listed."""
    return [ref.id for ref in connector.list()]


def by_id(connector: FilesystemConnector) -> dict[str, DocumentRef]:
    """The listing by id."""
    return {ref.id: ref for ref in connector.list()}
