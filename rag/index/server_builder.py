"""One version on its way to being sealed, in a collection of a Qdrant server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice

from rag.errors import IndexStoreError, LockgateError
from rag.index.port import IndexPoint
from rag.index.server_collection import Collections
from rag.index.server_query import equal, having
from rag.index.server_registry import Record, Registry, State
from rag.index.server_wire import ServerOptions


class ServerBuilder:
    """Writes into the collection that readers of earlier versions read; what it writes begins with its version,
    and what it ends ends with it, so that they see none of it."""

    def __init__(
        self,
        record: Record,
        *,
        base_points: int,
        collections: Collections,
        registry: Registry,
        undo: Callable[[int], None],
        options: ServerOptions,
    ) -> None:
        self._record, self._base_points = record, base_points
        self._collections, self._registry, self._undo, self._options = collections, registry, undo, options
        self._done = False

    def delete(self, ids: Sequence[int]) -> None:
        self._collections.end(self._record.collection, self._record.version, "chunk", set(ids))

    def erase(self, documents: Collection[int]) -> None:
        self._collections.end(self._record.collection, self._record.version, "document_id", set(documents))

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        follows = self._base_points > 0
        waiting = iter(points)
        while batch := list(islice(waiting, self._options.batch_size)):
            self._collections.write(self._record.collection, self._record.version, batch, follows=follows)

    def seal(self, *, expected_points: int) -> None:
        # Counted by the server, at the cost of the change: whatever was sent twice is there once.
        name, version = self._record.collection, self._record.version
        added = self._collections.count(name, having(equal("since", version)))
        ended = self._collections.count(name, having(equal("until", version)))
        points = self._base_points + added - ended
        if points != expected_points:
            raise IndexStoreError(
                f"the index holds {points} points where the catalog has {expected_points} chunks",
                where=f"{self._options.address} {name}",
                state="Nothing was sealed; the promoted version is untouched",
                next_step="Run lockgate ingest --rebuild",
            )
        self._registry.write(
            [replace(self._record, state=State.SEALED, points=points)],
            state=f"Whether version {version} is sealed is not known; the promoted version is untouched",
        )
        self._done = True

    def abandon(self) -> None:
        if self._done:
            return
        self._done = True
        try:
            self._undo(self._record.version)
        except LockgateError:
            # Mostly called because the server failed, which is what the caller must hear. The record is still
            # there, and whoever writes next removes what it names.
            return
