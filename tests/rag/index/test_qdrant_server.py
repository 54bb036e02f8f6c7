"""The server store: the contract on four engines, and what only this store can do wrong."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from rag.index import IndexStore
from rag.index.qdrant_server import QdrantServerStore
from tests.rag.index.contract import IndexStoreContract
from tests.support.engine_client import on_the_engine
from tests.support.qdrant_http import QdrantHttp

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
SERVER = os.environ.get("LOCKGATE_TEST_QDRANT_URL", "")
SERVER_KEY = os.environ.get("LOCKGATE_TEST_QDRANT_API_KEY", "")


def in_memory() -> QdrantServerStore:
    """A store on the client's own engine."""
    return QdrantServerStore(QdrantClient(":memory:"), prefix="lockgate-test")


class TestInMemory(IndexStoreContract):
    @pytest.fixture
    def store(self) -> IndexStore:
        return in_memory()

    @pytest.fixture(scope="class")
    @classmethod
    def shared_store(cls) -> IndexStore:
        return in_memory()


class TestOnTheEngine(IndexStoreContract):
    """What a server runs: its filters, payload indexes and scores, without the network."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> IndexStore:
        return on_the_engine(tmp_path)

    @pytest.fixture(scope="class")
    @classmethod
    def shared_store(cls, tmp_path_factory: pytest.TempPathFactory) -> IndexStore:
        return on_the_engine(tmp_path_factory.mktemp("engine"))


class TestOverHttp(IndexStoreContract):
    @pytest.fixture
    def store(self) -> Iterator[IndexStore]:
        with QdrantHttp() as server:
            yield QdrantServerStore(server.client(), prefix="lockgate-test")

    @pytest.fixture(scope="class")
    @classmethod
    def shared_store(cls) -> Iterator[IndexStore]:
        with QdrantHttp() as server:
            yield QdrantServerStore(server.client(), prefix="lockgate-test")


@contextmanager
def on_the_server() -> Iterator[QdrantServerStore]:
    """A store of its own on the real server, and nothing left of it afterwards."""
    headers = {"api-key": SERVER_KEY} if SERVER_KEY else None
    client = QdrantClient(url=SERVER, headers=headers, timeout=60, check_compatibility=False)
    prefix = f"lockgate-test-{uuid.uuid4().hex}"
    try:
        yield QdrantServerStore(client, prefix=prefix)
    finally:
        for collection in client.get_collections().collections:
            if collection.name.startswith(prefix):
                client.delete_collection(collection.name)
        client.close()


@pytest.mark.skipif(not SERVER, reason="LOCKGATE_TEST_QDRANT_URL names no Qdrant server")
class TestOnAServer(IndexStoreContract):
    @pytest.fixture
    def store(self) -> Iterator[IndexStore]:
        with on_the_server() as store:
            yield store

    @pytest.fixture(scope="class")
    @classmethod
    def shared_store(cls) -> Iterator[IndexStore]:
        with on_the_server() as store:
            yield store
