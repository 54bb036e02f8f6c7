"""Open versions, shared between threads, closed when nobody reads them any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rag.errors import UsageError
from rag.index import IndexReader, IndexStore

_KEEP_IDLE = 2


class Readers:
    """Opens each version once. Those in use stay open; of the idle ones, the last few used.

    A version of which documents were erased is another one, as it is opened anew.
    """

    def __init__(self, store: IndexStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._open: dict[tuple[int, int], IndexReader] = {}  # in order of last use
        self._users: dict[tuple[int, int], int] = {}
        self._closed = False

    @contextmanager
    def reading(self, version: int, erased: int = 0) -> Iterator[IndexReader]:
        """The reader of ``version`` as of so many erasures, which stays open at least as long as the block."""
        key = (version, erased)
        with self._lock:
            if self._closed:
                raise UsageError("the retriever is closed", next_step="Open another one")
            reader = self._open.pop(key, None) or self._store.open(version)
            self._open[key] = reader
            self._users[key] = self._users.get(key, 0) + 1
        try:
            yield reader
        finally:
            with self._lock:
                self._users[key] -= 1
                self._close_idle(_KEEP_IDLE)

    def close(self) -> None:
        """Closes what is idle now; what is in use is closed by its last reader."""
        with self._lock:
            self._closed = True
            self._close_idle(0)

    def _close_idle(self, keep: int) -> None:
        newest: dict[int, int] = {}
        for version, erased in self._open:
            newest[version] = max(erased, newest.get(version, 0))
        idle = [key for key in self._open if not self._users[key]]
        old = [key for key in idle if key[1] < newest[key[0]]]
        kept = [key for key in idle if key not in old]
        for key in old + kept[: max(0, len(kept) - (0 if self._closed else keep))]:
            self._open.pop(key).close()
            del self._users[key]
