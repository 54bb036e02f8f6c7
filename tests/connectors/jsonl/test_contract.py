"""The jsonl connector fulfils the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors import Connector
from connectors.jsonl import JsonlConnector, JsonlSettings
from rag.access import AccessRule
from tests.connectors.contract import ConnectorContract, World


class Lines:
    """One file, written anew for every change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, str] = {}
        self.connector: Connector = JsonlConnector(JsonlSettings(path=path.name), path.parent)

    def put(self, name: str, text: str, access: AccessRule | None = None) -> str:
        metadata = {} if access is None else {"access": {"allow": [*access.allow], "deny": [*access.deny]}}
        self.lines[name] = json.dumps({"_id": name, "text": text, "metadata": metadata})
        self._write()
        return name

    def remove(self, id: str) -> None:
        del self.lines[id]
        self._write()

    def destroy(self) -> None:
        self.path.unlink()

    def _write(self) -> None:
        self.path.write_text("".join(line + "\n" for line in self.lines.values()), encoding="utf-8")


class TestJsonl(ConnectorContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return Lines(tmp_path / "docs.jsonl")
