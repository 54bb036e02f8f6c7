"""The store that other tests take for their oracle holds what the real ones hold."""

from __future__ import annotations

import pytest

from rag.index import IndexStore
from tests.rag.index.contract import IndexStoreContract
from tests.support.memory_store import MemoryStore


class TestMemoryStore(IndexStoreContract):
    @pytest.fixture
    def store(self) -> IndexStore:
        return MemoryStore()

    @pytest.fixture(scope="class")
    @classmethod
    def shared_store(cls) -> IndexStore:
        return MemoryStore()
