"""A folder and what is below it, never beyond it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TypeAlias

from rag.errors import SourceError, SourceUnavailableError, SourceVanishedError

Parts: TypeAlias = tuple[str, ...]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A named pipe would otherwise block until somebody writes to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Tree:
    """Reads below ``root``. Paths are tuples of names from there; none of them is followed out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def identity(self) -> tuple[int, int]:
        """Device and inode of the root: another pair is another folder, such as an empty mount point.

        Raises ``SourceVanishedError`` where it is missing or no folder.
        """
        try:
            status = os.stat(self.root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._vanished() from error
        except OSError as error:
            raise self.unavailable((), error) from error
        if not stat.S_ISDIR(status.st_mode):
            raise self._vanished()
        return status.st_dev, status.st_ino

    def entries(self, folder: Parts) -> tuple[os.DirEntry[str], ...]:
        """What is in ``folder``, in no order; nothing where it has just gone. Raises
        ``SourceUnavailableError``, naming the folder, where it cannot be listed."""
        try:
            with os.scandir(self.path(folder)) as entries:
                return tuple(entries)
        except (FileNotFoundError, NotADirectoryError) as error:
            if not folder:
                raise self._vanished() from error
            return ()
        except OSError as error:
            raise self.unavailable(folder, error) from error

    def status(self, parts: Parts) -> os.stat_result | None:
        """The status of the thing itself, not of what it links to; ``None`` where it has just gone."""
        try:
            return os.lstat(self.path(parts))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self.unavailable(parts, error) from error

    def resolve(self, parts: Parts) -> Parts | None:
        """Where ``parts`` really lies, all links followed; ``None`` where that is not below the root. Raises
        ``FileNotFoundError`` for a link to nothing and ``OSError`` for one that goes in circles."""
        real = Path(os.path.realpath(self.path(parts), strict=True))
        root = Path(os.path.realpath(self.root))
        return real.relative_to(root).parts if real.is_relative_to(root) else None

    def read(self, parts: Parts, limit_bytes: int = -1) -> bytes:
        """The content of the regular file at ``parts``, at most ``limit_bytes`` where given; follows no link.

        Raises ``OSError`` as the system does, ``SourceError`` for what is no regular file, and
        ``SourceUnavailableError`` where it changed meanwhile.
        """
        folder = os.open(self.root, _FOLDER)
        try:
            for part in parts[:-1]:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            file = os.open(parts[-1], _FILE, dir_fd=folder)
        finally:
            os.close(folder)
        with open(file, "rb") as stream:
            before = os.fstat(file)
            if not stat.S_ISREG(before.st_mode):
                raise SourceError(f"{'/'.join(parts)} is not a regular file", where=str(self.root))
            data = stream.read(limit_bytes)
            after = os.fstat(file)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceUnavailableError(f"{'/'.join(parts)} changed while it was read", where=str(self.root))
        return data

    def path(self, parts: Parts) -> str:
        """The absolute path of ``parts``."""
        return os.path.join(self.root, *parts)

    def unavailable(self, parts: Parts, error: OSError) -> SourceUnavailableError:
        """What to raise where the system refuses to read ``parts``."""
        text = f"{self.path(parts)!r} cannot be read: {error.strerror}"
        return SourceUnavailableError(text, where=str(self.root))

    def _vanished(self) -> SourceVanishedError:
        return SourceVanishedError("the folder of this source does not exist", where=str(self.root))
