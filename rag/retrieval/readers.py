"""Open versions, shared between threads, closed when nobody reads them any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rag.errors import UsageError
from rag.index import IndexReader, IndexStore

_KEEP_IDLE = 2


class Readers:
    """Opens each version once. Those in use stay open; of the idle ones, the last few used."""

    def __init__(self, store: IndexStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._open: dict[int, IndexReader] = {}  # in order of last use
        self._users: dict[int, int] = {}
        self._closed = False

    @contextmanager
    def reading(self, version: int) -> Iterator[IndexReader]:
        """The reader of ``version``, which stays open at least as long as the block."""
        with self._lock:
            if self._closed:
                raise UsageError("the retriever is closed", next_step="Open another one")
            reader = self._open.pop(version, None) or self._store.open(version)
            self._open[version] = reader
            self._users[version] = self._users.get(version, 0) + 1
        try:
            yield reader
        finally:
            with self._lock:
                self._users[version] -= 1
                self._close_idle(_KEEP_IDLE)

    def close(self) -> None:
        """Closes what is idle now; what is in use is closed by its last reader."""
        with self._lock:
            self._closed = True
            self._close_idle(0)

    def _close_idle(self, keep: int) -> None:
        idle = [version for version in self._open if not self._users[version]]
        for version in idle[: len(idle) - (0 if self._closed else keep)]:
            self._open.pop(version).close()
            del self._users[version]
