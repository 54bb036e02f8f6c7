"""Which files a ``jsonl`` source reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from connectors.globs import Globs, checked
from rag.errors import SourceUnavailableError, SourceVanishedError

_MAGIC = frozenset("*?[")


def split_glob(text: str) -> tuple[PurePath, str]:
    """The part of ``text`` without wildcards, and the glob below it; an empty one if there are none.

    Raises ``ValueError`` for a glob that can match nothing.
    """
    parts = PurePath(text).parts
    plain = next((index for index, part in enumerate(parts) if _MAGIC & set(part)), len(parts))
    rest = "/".join(parts[plain:])
    return PurePath(*parts[:plain]), checked(rest) if rest else ""


def files(path: str, directory: Path) -> tuple[Path, ...]:
    """The files that ``path`` means, sorted: itself, the ``*.jsonl`` in it, or what it matches as a glob.

    Raises ``SourceVanishedError`` where there is nothing of that name or no match, and
    ``SourceUnavailableError`` where a folder cannot be read.
    """
    target = directory / path
    base, glob = split_glob(path)
    try:
        mode = target.stat().st_mode if target.exists() or not glob else 0
        if stat.S_ISREG(mode):
            return (target,)
        if stat.S_ISDIR(mode):
            return tuple(_below(target, "*.jsonl"))
        found = tuple(_below(directory / base, glob)) if glob else ()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _vanished(target) from error
    except OSError as error:
        raise SourceUnavailableError(f"cannot be read: {error.strerror}", where=str(target)) from error
    if not found:
        raise _vanished(target)
    return found


def _below(base: Path, glob: str) -> Iterator[Path]:
    globs = Globs([glob])
    depth = None if "**" in glob else glob.count("/")
    for folder, folders, names in os.walk(base, onerror=_raise):
        below = PurePath(folder).relative_to(base).parts
        # In place and sorted: os.walk goes on from there.
        folders[:] = sorted(name for name in folders if not name.startswith(".") and len(below) != depth)
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and globs.match("/".join((*below, name))) and path.is_file():
                yield path


def _raise(error: OSError) -> None:
    raise error


def _vanished(target: Path) -> SourceVanishedError:
    return SourceVanishedError("there is no such file, folder or match", where=str(target))
