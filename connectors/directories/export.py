"""The file that a directory was exported to, and the moment it speaks of."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.directories.refusal import refused, unavailable
from connectors.instants import instant
from rag.errors import DirectoryError

MAX_BYTES = 256 * 1024 * 1024
# Clocks of two machines differ by less; more than that is a wrong clock, and the export's age is not known.
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Export:
    """A whole file: its bytes, and when it was written (UTC, not in the future)."""

    data: bytes
    observed_at: datetime


def read_export(path: Path, *, max_bytes: int = MAX_BYTES, observed_at: datetime | None = None) -> Export:
    """The file at ``path``. Its moment is ``observed_at``, or else its modification time: an export that is no
    longer refreshed grows old.

    Raises ``DirectoryError`` for a file that is missing, no regular file, larger than ``max_bytes`` or more
    than five minutes ahead of the clock, and ``DirectoryUnavailableError`` for one that cannot be read or
    changes meanwhile: half a file must not pass for all of it.
    """
    where = str(path)
    try:
        # Asked before it is opened: to open a pipe is to wait for whoever writes into it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise refused("not a regular file", where, "Name the file that the directory is exported to.")
        with open(path, "rb") as stream:
            before = os.fstat(stream.fileno())
            if before.st_size > max_bytes:
                raise _too_large(before.st_size, max_bytes, where)
            data = stream.read(max_bytes + 1)
            after = os.fstat(stream.fileno())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise refused(
            "the file does not exist", where, "Export the directory to it, or name another file."
        ) from error
    except OSError as error:
        raise unavailable(f"cannot be read: {error.strerror}", where) from error
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not unchanged or len(data) != before.st_size:
        raise unavailable("the file changed while it was read", where)
    return Export(data, _moment(observed_at or instant(before.st_mtime_ns), where))


def _too_large(size: int, max_bytes: int, where: str) -> DirectoryError:
    what = f"the file has {size} bytes, and at most {max_bytes} are read"
    return refused(
        what, where, "Raise max_bytes if that is right, or leave out of the export what no group needs."
    )


def _moment(written: datetime | None, where: str) -> datetime:
    now = datetime.now(UTC)
    if written is None or written > now + _CLOCKS_DIFFER:
        raise refused(
            "the file is from the future, so nobody can tell how old it is",
            where,
            "Set the clocks right, and write the export anew.",
        )
    return min(written.astimezone(UTC), now)
