"""The seal of a version's directory: which files it has, how long they are, and what they hold.

The engine opens a damaged directory without complaint, and makes missing files anew; so we look first.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from rag.errors import IndexCorruptError
from rag.files import content_digest, sync_tree

NAME = "lockgate-seal.json"
FORMAT = 2
"""1 had a SHA-256 of each file as it is, holes read through; such versions can still be read."""
# The engine rewrites its own settings file whenever a directory is opened.
LOOSE = {NAME, "edge_config.json"}


def write_seal(directory: Path, **facts: Any) -> None:
    """Records every file of ``directory`` with its size and digest, and makes all of it durable."""
    files = {}
    for path in _files(directory):
        if path.name not in LOOSE:
            files[path.relative_to(directory).as_posix()] = [path.stat().st_size, content_digest(path)]
    seal = directory / NAME
    with seal.open("w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, **facts, "files": files}, file)
    sync_tree(directory)


def read_seal(directory: Path) -> dict[str, Any]:
    """The recorded facts. Raises ``IndexCorruptError`` where the seal itself cannot be read."""
    try:
        seal: dict[str, Any] = json.loads((directory / NAME).read_text(encoding="utf-8"))
        if seal["format"] > FORMAT:
            raise IndexCorruptError(
                "this version was sealed by a newer release", where=str(directory), next_step="Install it."
            )
        names = [name for name, (_, _) in seal["files"].items()]
        if any(name.startswith("/") or ".." in PurePosixPath(name).parts for name in names):
            raise ValueError("a name that leads out of the directory")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _corrupt(directory, f"its seal cannot be read ({type(error).__name__})") from error
    return seal


def check_seal(directory: Path, *, contents: bool) -> dict[str, Any]:
    """Compares the directory with its seal: names and sizes, and with ``contents`` every byte."""
    seal = read_seal(directory)
    for name, (size, digest) in seal["files"].items():
        path = directory / name
        try:
            found = path.stat().st_size
            if found != size:
                raise _corrupt(directory, f"{name} has {found} bytes and should have {size}")
            if contents and _digest(path, seal["format"]) != digest:
                raise _corrupt(directory, f"the contents of {name} have changed")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _corrupt(directory, f"{name} is missing") from error
    for name in LOOSE:
        try:
            json.loads((directory / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _corrupt(directory, f"{name} cannot be read ({type(error).__name__})") from error
    return seal


def _digest(path: Path, format: int) -> str:
    if format > 1:
        return content_digest(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _corrupt(directory: Path, why: str) -> IndexCorruptError:
    return IndexCorruptError(
        f"this index version is damaged: {why}",
        where=str(directory),
        state="No other version is affected, and the catalog still holds all of its text",
        next_step="Run lockgate ingest --rebuild to build a sound one beside it, or lockgate rollback",
    )
