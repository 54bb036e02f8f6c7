"""How far long work has come: told to whoever listens, a terminal or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Told of each step; ``total`` is None while it is unknown."""

    def advance(self, stage: str, done: int, total: int | None) -> None: ...


class _Nobody:
    def advance(self, stage: str, done: int, total: int | None) -> None:
        return


_listener: ContextVar[Listener] = ContextVar("lockgate_progress", default=_Nobody())  # noqa: B039  (no state)


def advance(stage: str, done: int, total: int | None = None) -> None:
    """Says that ``done`` of ``total`` are done in ``stage``."""
    _listener.get().advance(stage, done, total)


@contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Has ``listener`` told of everything that happens inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
