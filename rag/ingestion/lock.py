"""One writer at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rag.catalog.columns import utcnow
from rag.errors import WriterBusyError


@contextmanager
def writer_lock(state: Path) -> Iterator[None]:
    """Holds the project's writer lock. Raises ``WriterBusyError``, which says who has it, and does not wait.

    The operating system gives the lock back when its holder dies, however it dies.
    """
    state.mkdir(parents=True, exist_ok=True)
    path = state / "writer.lock"
    with path.open("a+", encoding="utf-8") as file:
        if not _taken(file):
            raise WriterBusyError(
                f"another process is writing to this project ({_holder(path)})",
                where=str(path),
                state="Nothing was changed",
                next_step="Wait until it has ended, then run this again",
            )
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid(), "since": utcnow().isoformat(timespec="seconds")}))
        file.flush()
        yield


def is_writing(state: Path) -> bool:
    """Whether some process holds the writer lock just now."""
    path = state / "writer.lock"
    if not path.exists():
        return False
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _taken(file: TextIO) -> bool:
    """Whether the lock could be had; ``is_writing`` holds it for a moment, so one no is not believed."""
    for attempt in range(5):
        time.sleep(0.05 * attempt)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['process']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said which"  # it holds the lock and has yet to write its name
