"""The directories of the embedded store, by name.

``00000007`` is version 7, sealed. ``00000007.1`` is version 7 rewritten without what was erased; the highest
suffix is the one that counts, the others are on their way out. Anything under ``.building-`` is not there.
While ``.building-load`` exists nothing is: versions are being brought back, and come into being together.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from rag.errors import IndexMissingError, IndexStoreError
from rag.files import sync_directory
from rag.index import edge_space, seal
from rag.index.edge_space import Task

HIDDEN = ".building-"
LOADING = HIDDEN + "load"
_SEALED = re.compile(r"(\d{8,})(?:\.([1-9]\d*))?")
_COPY = ("cp", "-a", "--reflink=auto", "--sparse=always", "--parents")
_COPIED_AT_ONCE = 500


def sealed(root: Path) -> dict[int, list[Path]]:
    """The directories of each sealed version, ascending; the last of each is the one that counts."""
    if (root / LOADING).exists():
        return {}
    names, found = _names(root), _named(root)
    # An erasure in another process may replace a directory between its name's being read and its being looked at.
    while (now := _names(root)) != names:
        names, found = now, _named(root)
    return found


def current(root: Path, version: int) -> Path:
    """The directory of a sealed version. Raises ``IndexMissingError``."""
    if found := sealed(root).get(version):
        return found[-1]
    raise IndexMissingError(
        f"the index of version {version} is not there",
        where=str(plain(root, version)),
        state="The catalog still holds all of its text",
        next_step="Run lockgate ingest --rebuild, or lockgate rollback",
    )


def plain(root: Path, version: int) -> Path:
    return root / f"{version:08d}"


def following(directory: Path) -> Path:
    """The name that takes the place of this directory: the next suffix."""
    number, _, suffix = directory.name.partition(".")
    return directory.with_name(f"{number}.{int(suffix or 0) + 1}")


def hidden(directory: Path) -> Path:
    """The name under which it is built."""
    return directory.with_name(HIDDEN + directory.name)


def publish(directory: Path, final: Path) -> None:
    """Gives a finished directory its name, durably."""
    os.rename(directory, final)
    sync_directory(final.parent)


def discard(directory: Path) -> None:
    """Removes a sealed directory. Cut short, it leaves no half of it under a version's name."""
    doomed = directory.with_name(f"{HIDDEN}{directory.name}-dropped")
    remove(doomed)
    os.rename(directory, doomed)
    sync_directory(directory.parent)
    remove(doomed)


def remove(directory: Path) -> None:
    """Removes what may be there, with all below it."""
    if directory.is_dir() and not directory.is_symlink():
        shutil.rmtree(directory)
    else:
        directory.unlink(missing_ok=True)


def tidy(root: Path) -> list[str]:
    """Removes what is not there any more or not yet; the names of it, ascending."""
    if not root.is_dir():
        return []
    removed = []
    unfinished = (root / LOADING).exists()
    for places in _named(root).values():
        for place in places if unfinished else places[:-1]:
            discard(place)
            removed.append(place.name)
    for name in _names(root):
        if _SEALED.fullmatch(name) and (root / name).is_dir() and _is_remnant(root / name):
            discard(root / name)
            removed.append(name)
    # That something was being brought back must be known until all that it brought is gone: it goes last.
    left = sorted(root.glob(f"{HIDDEN}*"), key=lambda path: (path.name == LOADING, path.name))
    for path in left:
        remove(path)
        removed.append(path.name)
    return sorted(removed)


def copy(source: Path, target: Path, task: Task) -> None:
    """Copies what the seal of ``source`` names; shares blocks where the file system can, keeps holes as holes.

    File by file: a reader that opens or closes ``source`` meanwhile makes temporary files in it, and replaces
    the engine's settings by a rename, at which ``cp`` gives up; so those are read at one go.
    """
    names = list(seal.read_seal(source)["files"])
    target.mkdir()
    try:
        for start in range(0, len(names), _COPIED_AT_ONCE):
            subprocess.run(
                [*_COPY, "-t", str(target.absolute()), "--", *names[start : start + _COPIED_AT_ONCE]],
                cwd=source,
                env={**os.environ, "LC_ALL": "C"},
                capture_output=True,
                text=True,
                check=True,
            )
        for name in sorted(seal.LOOSE, key=lambda name: name == seal.NAME):  # the seal goes last
            shutil.copy2(source / name, target / name)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(target, ignore_errors=True)
        said = str(error) if isinstance(error, OSError) else error.stderr
        if edge_space.says_full(said):
            raise task.full() from error
        raise IndexStoreError(
            f"a version could not be copied: {''.join(said.strip().splitlines()[-1:])}",
            where=str(source),
            state=task.state,
            next_step=task.next_step,
        ) from error


def _named(root: Path) -> dict[int, list[Path]]:
    found: dict[int, list[tuple[int, Path]]] = {}
    for name in _names(root):
        match = _SEALED.fullmatch(name)
        if match and not _is_remnant(root / name):
            found.setdefault(int(match[1]), []).append((int(match[2] or 0), root / name))
    return {version: [path for _, path in sorted(found[version])] for version in sorted(found)}


def _is_remnant(directory: Path) -> bool:
    """Whether this is no sealed directory, damaged or not: of such a one a seal or the engine's settings are left.

    A reader that opens a directory while it is being removed makes some of it anew, empty.
    """
    return not any((directory / name).exists() for name in seal.LOOSE)


def _names(root: Path) -> list[str]:
    try:
        return os.listdir(root)
    except (FileNotFoundError, NotADirectoryError):
        return []
