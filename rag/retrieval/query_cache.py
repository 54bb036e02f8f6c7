"""What searches found, kept for those who may see the same."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from rag.index import ScoredId


class Moment(NamedTuple):
    """The access epoch, and how often documents were erased from the index. Both only grow."""

    epoch: int
    erased: int


class QueryCache:
    """The ids and scores of the last ``size`` distinct searches at one moment; the next moment empties it.

    It holds no text: the catalog judges what was found at every read, from here or from the index. Safe to share
    between threads. A ``size`` of 0 keeps nothing.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._moment = Moment(-1, -1)
        self._found: dict[Hashable, tuple[ScoredId, ...]] = {}  # in order of last use

    def get(self, moment: Moment, key: Hashable) -> tuple[ScoredId, ...] | None:
        """What the search ``key`` found at this very moment, or None."""
        with self._lock:
            if not self._is_at(moment) or key not in self._found:
                return None
            found = self._found[key] = self._found.pop(key)
            return found

    def put(self, moment: Moment, key: Hashable, found: Sequence[ScoredId]) -> None:
        """Keeps it, unless the moment has passed."""
        with self._lock:
            if self._size and self._is_at(moment):
                self._found[key] = tuple(found)
                while len(self._found) > self._size:
                    self._found.pop(next(iter(self._found)))

    def _is_at(self, moment: Moment) -> bool:
        if moment != self._moment and all(new >= old for new, old in zip(moment, self._moment, strict=True)):
            self._found.clear()
            self._moment = moment
        return moment == self._moment
