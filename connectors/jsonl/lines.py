"""The lines of a file, with where each is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.instants import instant
from rag.errors import SourceUnavailableError


@dataclass(frozen=True, slots=True)
class Line:
    """Line ``number`` (from 1) of a file: ``data`` from byte ``offset`` on; ``modified_at`` is the file's."""

    number: int
    offset: int
    data: bytes
    modified_at: datetime | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the line, in hex."""
        return fingerprint(self.data)


def fingerprint(data: bytes) -> str:
    """SHA-256, in hex, of a line, whatever ends it."""
    return hashlib.sha256(data.rstrip(b"\r\n")).hexdigest()


def lines(path: Path) -> Iterator[Line]:
    """The lines of ``path`` that are not blank, one in memory at a time.

    Raises ``SourceUnavailableError`` where the file cannot be read, or changed before its last line was
    taken: half a file must not pass for all of it.
    """
    try:
        with open(path, "rb") as stream:
            before = os.fstat(stream.fileno())
            modified_at = instant(before.st_mtime_ns)
            offset = 0
            for number, data in enumerate(stream, start=1):
                if data.strip():
                    yield Line(number, offset, data, modified_at)
                offset += len(data)
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise SourceUnavailableError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceUnavailableError("the file changed while it was read", where=str(path))
