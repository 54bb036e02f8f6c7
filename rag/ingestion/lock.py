"""One writer at a time: on this machine by a locked file, on every machine by a lock in the catalog's server."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rag.catalog import Catalog, SessionLock, lock_holder
from rag.catalog.columns import utcnow
from rag.errors import WriterBusyError

_PAUSE_SECONDS = 0.1


class WriterLock:
    """The project's writer lock while it is held."""

    def __init__(self, path: Path, file: TextIO, session_lock: SessionLock | None, where: str) -> None:
        self._path = path
        self._file = file
        self._session_lock = session_lock
        self._where = where

    def check(self) -> None:
        """Raises ``WriterBusyError`` if the lock was lost meanwhile. To be asked before a version is sealed.

        The file can only be lost by being taken away; the server gives its lock to others when the connection
        that held it is lost.
        """
        if not _is_at(self._file, self._path):
            raise _lost("the writer's lock file was removed or replaced", str(self._path))
        if self._session_lock is not None and not self._session_lock.is_held():
            raise _lost("the connection that held the writer's lock was lost", self._where)


@contextmanager
def writer_lock(
    state: Path, catalog: Catalog | None = None, *, wait_seconds: float = 0
) -> Iterator[WriterLock]:
    """Holds the project's writer lock. Raises ``WriterBusyError``, which says who has it, after ``wait_seconds``.

    With a ``catalog`` on a server, against other machines too. Operating system and server give the lock back
    when its holder dies, however it dies.
    """
    state.mkdir(parents=True, exist_ok=True)
    path = state / "writer.lock"
    deadline = time.monotonic() + wait_seconds
    with _locked_file(path, deadline) as file:
        session_lock = (
            _session_lock(catalog, deadline) if catalog is not None and catalog.has_server else None
        )
        try:
            file.truncate(0)
            file.write(json.dumps({"process": os.getpid(), "since": utcnow().isoformat(timespec="seconds")}))
            file.flush()
            yield WriterLock(path, file, session_lock, catalog.where if catalog is not None else "")
        finally:
            if session_lock is not None:
                session_lock.release()


def is_writing(state: Path, catalog: Catalog | None = None) -> bool:
    """Whether some process holds the writer lock just now; with a ``catalog`` on a server, on any machine."""
    path = state / "writer.lock"
    if path.exists():
        with path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return catalog is not None and catalog.has_server and lock_holder(catalog) is not None


@contextmanager
def _locked_file(path: Path, deadline: float) -> Iterator[TextIO]:
    while True:
        with path.open("a+", encoding="utf-8") as file:
            if not _taken(file, deadline):
                raise _busy(_holder(path), str(path))
            if _is_at(file, path):  # else it was taken away while we waited for it, and locks nobody out
                yield file
                return


def _session_lock(catalog: Catalog, deadline: float) -> SessionLock:
    while True:
        lock = SessionLock.take(catalog)
        if lock is not None:
            return lock
        if time.monotonic() >= deadline:
            raise _busy(lock_holder(catalog) or "it has ended just now", catalog.where)
        time.sleep(_PAUSE_SECONDS)


def _taken(file: TextIO, deadline: float) -> bool:
    """Whether the lock could be had; ``is_writing`` holds it for a moment, so one no is not believed."""
    attempt = 0
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt >= 4 and time.monotonic() >= deadline:
                return False
            attempt += 1
            time.sleep(min(0.05 * attempt, _PAUSE_SECONDS))
        else:
            return True


def _is_at(file: TextIO, path: Path) -> bool:
    """Whether the open file is still the one that others find under its name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _busy(holder: str, where: str) -> WriterBusyError:
    return WriterBusyError(
        f"another process is writing to this project ({holder})",
        where=where,
        state="Nothing was changed",
        next_step="Wait until it has ended, then run this again",
    )


def _lost(what: str, where: str) -> WriterBusyError:
    return WriterBusyError(
        what,
        where=where,
        state="Another process may be writing by now, so nothing more was written here",
        next_step="Run this again; it goes on where this one stopped",
    )


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['process']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said which"  # it holds the lock and has yet to write its name
