"""Files of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors import build
from connectors.jsonl import JsonlConnector

Jsonl = Callable[..., JsonlConnector]


@pytest.fixture
def jsonl(tmp_path: Path) -> Jsonl:
    """Writes lines, as texts or as objects, to ``docs.jsonl`` and returns a connector with the given options."""

    def written(*lines: str | dict[str, object], **options: object) -> JsonlConnector:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        if texts:
            (tmp_path / "docs.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
        connector = build("jsonl", {"path": "docs.jsonl", **options}, directory=tmp_path, where="f:1")
        assert isinstance(connector, JsonlConnector)
        return connector

    return written
