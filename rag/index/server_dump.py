"""Versions of a Qdrant server store as files: parts of points, and a manifest with the SHA-256 of each.

The files hold numbers and keys and nothing of the engine, so any server of any release can take them.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from qdrant_client import models

from rag.errors import IndexCorruptError, IndexStoreError
from rag.files import write_durably
from rag.index.port import IndexPoint, SparseVector
from rag.index.server_collection import stored
from rag.index.server_query import DENSE, SPARSE

MANIFEST = "lockgate-index.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DumpedPart(_Strict):
    """One file of points."""

    file: str
    sha256: str
    points: int


class DumpedVersion(_Strict):
    """One version and how many points it has."""

    version: int
    points: int


class DumpedCollection(_Strict):
    """Versions that share points."""

    dimension: int
    versions: tuple[DumpedVersion, ...] = Field(min_length=1)
    parts: tuple[DumpedPart, ...]


class Manifest(_Strict):
    """What a folder holds."""

    format: Literal[1] = 1
    collections: tuple[DumpedCollection, ...]


def write_parts(
    folder: Path, prefix: str, pages: Iterable[list[models.Record]], last: int
) -> Iterator[DumpedPart]:
    """Writes a file for each page of points. What ends after version ``last`` is written as lasting."""
    for number, page in enumerate(pages):
        content = _packed(page, last)
        name = f"{prefix}-{number:05d}.npz"
        _write(folder / name, content)
        yield DumpedPart(file=name, sha256=hashlib.sha256(content).hexdigest(), points=len(page))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Written last: a folder without it holds nothing."""
    _write(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())


def read_manifest(folder: Path) -> Manifest:
    """The manifest, after every part was compared with its digest. Raises ``IndexCorruptError``."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise _damaged(folder, f"it has no readable manifest ({error.strerror})") from error
    number = _format(text)
    if number is not None and number > 1:
        raise IndexStoreError(
            "the copy was written by a newer release", where=str(folder), next_step="Install that release"
        )
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError:
        raise _damaged(folder, "its manifest cannot be understood") from None
    for part in (part for collection in manifest.collections for part in collection.parts):
        _read_part(folder, part)
    return manifest


def read_part(folder: Path, part: DumpedPart) -> list[models.PointStruct]:
    """The points of one part, as a server takes them. Raises ``IndexCorruptError``."""
    try:
        return list(_unpacked(_read_part(folder, part)))
    except (ValueError, KeyError, IndexError, zipfile.BadZipFile, TypeError, AttributeError):
        raise _damaged(folder, f"{part.file} cannot be understood") from None


def _packed(page: list[models.Record], last: int) -> bytes:
    payloads = [dict(record.payload or {}) for record in page]
    vectors = [record.vector if isinstance(record.vector, dict) else {} for record in page]
    sparse = [vector.get(SPARSE) for vector in vectors]
    terms = [one if isinstance(one, models.SparseVector) else _NO_TERMS for one in sparse]
    ends = [payload.pop("until", 0) for payload in payloads]
    columns = {
        key: np.array([payload.pop(key) for payload in payloads], np.int64)
        for key in ("chunk", "rule", "document_id", "since")
    }
    packed = io.BytesIO()
    np.savez(
        packed,
        allow_pickle=False,
        **columns,
        until=np.array([end if end <= last else 0 for end in ends], np.int64),
        dense=np.array([vector[DENSE] for vector in vectors], np.float32),
        lengths=np.array([len(one.indices) for one in terms], np.int64),
        indices=np.array([index for one in terms for index in one.indices], np.int64),
        values=np.array([value for one in terms for value in one.values], np.float32),
        # What is left of the payload are the keys that searches are narrowed by.
        keys=np.frombuffer(json.dumps(payloads).encode(), np.uint8),
    )
    return packed.getvalue()


_NO_TERMS = models.SparseVector(indices=[], values=[])


def _unpacked(content: bytes) -> Iterator[models.PointStruct]:
    with np.load(io.BytesIO(content), allow_pickle=False) as packed:
        arrays = {name: packed[name] for name in packed.files}
    stops = np.cumsum(arrays["lengths"])
    for row, keys in enumerate(json.loads(arrays["keys"].tobytes())):
        span = slice(int(stops[row] - arrays["lengths"][row]), int(stops[row]))
        point = IndexPoint(
            id=int(arrays["chunk"][row]),
            dense=arrays["dense"][row],
            sparse=SparseVector(
                tuple(arrays["indices"][span].tolist()), tuple(arrays["values"][span].tolist())
            ),
            rule=int(arrays["rule"][row]),
            document=int(arrays["document_id"][row]),
            keys=keys,
        )
        yield stored(point, since=int(arrays["since"][row]), until=int(arrays["until"][row]) or None)


def _read_part(folder: Path, part: DumpedPart) -> bytes:
    if PurePath(part.file).name != part.file:
        raise _damaged(folder, "its manifest names a file outside of it")
    try:
        content = (folder / part.file).read_bytes()
    except OSError as error:
        raise _damaged(folder, f"{part.file} cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise _damaged(folder, f"{part.file} is not what was written")
    return content


def _write(path: Path, content: bytes) -> None:
    try:
        write_durably(path, content)
    except OSError as error:
        raise IndexStoreError(
            f"the copy of the index cannot be written ({error.strerror})", where=str(path)
        ) from error


def _format(text: bytes) -> int | None:
    try:
        number = json.loads(text)["format"]
    except (ValueError, KeyError, TypeError):
        return None
    return number if isinstance(number, int) else None


def _damaged(folder: Path, reason: str) -> IndexCorruptError:
    return IndexCorruptError(
        f"the copy of the index is damaged: {reason}",
        where=str(folder),
        state="Nothing was brought back from it",
        next_step="Take another copy",
    )
