"""The stores of the index that a test can be run on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qdrant_client import QdrantClient

from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore
from tests.support.memory_store import MemoryStore

STORES: dict[str, Callable[[Path], IndexStore]] = {
    "memory": lambda _root: MemoryStore(),
    "edge": lambda root: EdgeStore(root / "index"),
    "server": lambda _root: QdrantServerStore(QdrantClient(":memory:"), prefix="lockgate-test"),
}
"""A new and empty one of each kind, for a test whose files lie in that folder."""
