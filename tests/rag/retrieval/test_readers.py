"""Open versions: shared, kept while in use, closed when idle."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.errors import IndexMissingError, UsageError
from rag.index import IndexReader
from rag.retrieval.readers import Readers
from tests.support.memory_store import MemoryReader, MemoryStore

pytestmark = pytest.mark.usefixtures("either_catalog")


class CountingStore(MemoryStore):
    """Notes what was opened and what was closed."""

    def __init__(self, *versions: int) -> None:
        super().__init__()
        self.versions = {version: {} for version in versions}
        self.opened: list[int] = []
        self.closed: list[int] = []

    def open(self, version: int) -> MemoryReader:
        reader = super().open(version)
        self.opened.append(version)
        reader.close = lambda: self.closed.append(version)  # type: ignore[method-assign]
        return reader


def read(readers: Readers, *versions: int) -> None:
    for version in versions:
        with readers.reading(version):
            pass


def test_a_version_is_opened_once() -> None:
    store = CountingStore(1)
    readers = Readers(store)
    read(readers, 1, 1)
    with readers.reading(1) as one, readers.reading(1) as other:
        assert one is other
    assert (store.opened, store.closed) == ([1], [])


def test_of_the_idle_ones_the_last_two_used_stay_open() -> None:
    store = CountingStore(1, 2, 3, 4)
    readers = Readers(store)
    read(readers, 1, 2, 3)
    assert store.closed == [1]
    read(readers, 2, 4)
    assert store.closed == [1, 3]
    read(readers, 1)
    assert store.opened == [1, 2, 3, 4, 1]
    assert store.closed == [1, 3, 2]


def test_one_in_use_is_not_closed_however_many_others_are_read() -> None:
    store = CountingStore(1, 2, 3, 4, 5)
    readers = Readers(store)
    with readers.reading(1):
        read(readers, 2, 3, 4, 5)
        assert store.closed == [2, 3]
    assert store.closed == [2, 3, 1]  # of the idle ones, its use began first


def test_closing_waits_for_the_last_reader_and_lets_nobody_in() -> None:
    store = CountingStore(1, 2)
    readers = Readers(store)
    read(readers, 2)
    with readers.reading(1):
        readers.close()
        assert store.closed == [2]
        with pytest.raises(UsageError, match="closed"), readers.reading(1):
            pass
    assert store.closed == [2, 1]


def test_a_version_that_cannot_be_opened_is_not_remembered() -> None:
    store = CountingStore()
    readers = Readers(store)
    with pytest.raises(IndexMissingError), readers.reading(1):
        pass
    store.versions[1] = {}
    read(readers, 1)
    readers.close()
    assert store.closed == [1]


def test_an_error_while_reading_counts_as_the_end_of_it() -> None:
    store = CountingStore(1)
    readers = Readers(store)
    with pytest.raises(ValueError, match="bad"), readers.reading(1):
        raise ValueError("bad")
    readers.close()
    assert store.closed == [1]


def test_many_threads_get_one_reader() -> None:
    store = CountingStore(1)
    readers = Readers(store)
    barrier = threading.Barrier(8)

    def reader(_: int) -> IndexReader:
        barrier.wait()
        with readers.reading(1) as found:
            return found

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(reader, range(8))))) == 1
    readers.close()
    assert (store.opened, store.closed) == ([1], [1])
