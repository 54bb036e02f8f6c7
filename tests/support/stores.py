"""The stores of the index that a test can be run on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qdrant_client import QdrantClient

from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore
from tests.support.engine_client import on_the_engine
from tests.support.memory_store import MemoryStore

STORES: dict[str, Callable[[Path], IndexStore]] = {
    "memory": lambda _root: MemoryStore(),
    "edge": lambda root: EdgeStore(root / "index"),
    "server": lambda _root: QdrantServerStore(QdrantClient(":memory:"), prefix="lockgate-test"),
    "engine": lambda root: on_the_engine(root / "engine"),
}
"""A new and empty one of each kind, for a test whose files lie in that folder. ``server`` is
the server store on the client's own rebuilding of Qdrant, ``engine`` the same store on Qdrant's engine itself."""
