"""The filesystem connector fulfils the contract."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from connectors import Connector
from connectors.filesystem import FilesystemConnector, FilesystemSettings
from rag.access import AccessRule
from tests.connectors.contract import ConnectorContract, World


class Folder:
    """One folder a document, so that each can have its own access file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.root.mkdir()
        self.connector: Connector = FilesystemConnector(FilesystemSettings(path="docs"), root.parent)

    def put(self, name: str, text: str, access: AccessRule | None = None) -> str:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        (folder / "doc.txt").write_text(text, encoding="utf-8")
        if access is not None:
            rule = {"allow": sorted(access.allow), "deny": sorted(access.deny)}
            (folder / ".access.yaml").write_text(json.dumps(rule))
        return f"{name}/doc.txt"

    def remove(self, id: str) -> None:
        (self.root / id).unlink()

    def destroy(self) -> None:
        shutil.rmtree(self.root)


class TestFilesystem(ConnectorContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return Folder(tmp_path / "docs")
