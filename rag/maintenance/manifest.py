"""``backup.json``: what a backup holds, written last. A folder without it is no backup."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.catalog import SCHEMA
from rag.errors import BackupError
from rag.files import content_digest, write_durably

NAME = "backup.json"
CATALOG = "catalog.sqlite"
VECTORS = "vectors.sqlite"
LEDGER = "ledger.jsonl"
INDEX = "index"
FORMAT = 1
"""The newest format that this release reads, and the one it writes."""


class StoredFile(BaseModel):
    """Size in bytes and SHA-256, in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int
    digest: str


class Manifest(BaseModel):
    """All of a backup. ``digest`` is over everything else in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    catalog_schema: str
    """The catalog's migration."""
    project: str
    created_at: datetime
    store: str
    """Kind of index store, see ``IndexStore.kind``."""
    entries: int
    """Number of the ledger's last entry."""
    head: str
    """Its hash."""
    promoted: int | None
    versions: dict[int, int]
    """Points by version: those whose index is in the backup."""
    files: dict[str, StoredFile]
    """By path below the backup's folder."""
    digest: str = ""

    def sealed(self) -> Manifest:
        """The same, with its digest."""
        return self.model_copy(update={"digest": self._digest()})

    @property
    def is_sound(self) -> bool:
        """Whether the digest is that of the rest."""
        return self.digest == self._digest()

    def _digest(self) -> str:
        parts = self.model_dump(mode="json", exclude={"digest"})
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def files_of(folder: Path) -> dict[str, StoredFile]:
    """Every file below ``folder`` with its size and digest."""
    return {path.relative_to(folder).as_posix(): _measured(path) for path in _walk(folder)}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes it durably; everything that it names must be durable before."""
    write_durably(folder / NAME, (manifest.sealed().model_dump_json(indent=1) + "\n").encode())


def check_backup(folder: Path) -> Manifest:
    """Reads the manifest and then every byte that it names. Raises ``BackupError`` at the first that is not so."""
    manifest = _read(folder)
    if manifest.catalog_schema > SCHEMA:
        raise BackupError(
            f"the backup is of a newer release (schema {manifest.catalog_schema}, this one knows {SCHEMA})",
            where=str(folder),
            state="Nothing was changed",
            next_step="Install that release, then restore with it",
        )
    for name, expected in manifest.files.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise _damaged(folder, f"its list names {name!r}, which lies elsewhere")
        path = folder / name
        if not path.is_file():
            raise _damaged(folder, f"{name} is missing")
        if path.stat().st_size != expected.size:
            raise _damaged(folder, f"{name} has {path.stat().st_size} bytes and should have {expected.size}")
        if _measured(path) != expected:
            raise _damaged(folder, f"the contents of {name} have changed")
    for name in (CATALOG, LEDGER):
        if name not in manifest.files:
            raise _damaged(folder, f"its list does not name {name}")
    foreign = [
        path for path in _walk(folder / INDEX) if path.relative_to(folder).as_posix() not in manifest.files
    ]
    if foreign:
        raise _damaged(folder, f"{foreign[0].relative_to(folder)} was not there when it was made")
    return manifest


def _read(folder: Path) -> Manifest:
    path = folder / NAME
    try:
        raw = json.loads(path.read_bytes())
        found = raw["format"]
        if isinstance(found, int) and found > FORMAT:
            raise BackupError(
                f"the backup is of a newer release (format {found}, this one reads {FORMAT})",
                where=str(folder),
                state="Nothing was changed",
                next_step="Install that release, then restore with it",
            )
        manifest = Manifest.model_validate(raw)
    except FileNotFoundError as error:
        raise BackupError(
            f"there is no backup here: {NAME} is missing",
            where=str(folder),
            state="Nothing was changed",
            next_step="Name the folder that lockgate backup made",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise _damaged(folder, f"{NAME} cannot be read ({type(error).__name__})") from error
    if not manifest.is_sound:
        raise _damaged(folder, f"the contents of {NAME} have changed")
    return manifest


def _walk(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if not path.is_dir())


def _measured(path: Path) -> StoredFile:
    return StoredFile(size=path.stat().st_size, digest=content_digest(path))


def _damaged(folder: Path, why: str) -> BackupError:
    return BackupError(
        f"the backup is damaged: {why}",
        where=str(folder),
        state="Nothing was changed",
        next_step="Take another backup",
    )
