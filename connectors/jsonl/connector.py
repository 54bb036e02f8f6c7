"""The ``jsonl`` connector."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.directories import Snapshot
from connectors.jsonl.files import files
from connectors.jsonl.groups import read_groups
from connectors.jsonl.lines import fingerprint, lines
from connectors.jsonl.record import Record, parse_record
from connectors.jsonl.settings import JsonlSettings
from connectors.port import Content, DocumentRef
from rag.errors import SourceError, SourceUnavailableError


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    number: int
    offset: int
    length: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.number}"


@dataclass(slots=True)
class _Index:
    places: dict[str, _Place] = field(default_factory=dict)
    whole: bool = False


class JsonlConnector:
    """Every line is a document; ``fetch`` finds it where the last listing saw it. Threads may share it."""

    def __init__(self, settings: JsonlSettings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory.absolute()
        self._index = _Index()
        self._groups = None if settings.groups is None else self._directory / settings.groups

    def list(self) -> Iterator[DocumentRef]:
        """Every line, in the order of files and lines; one that has an id but something else wrong comes with
        a ``problem``.

        Raises ``SourceVanishedError`` where there is no file, ``SourceUnavailableError`` where one cannot be
        read or changes meanwhile, and ``SourceError`` for a line without a usable id and for an id that comes
        twice.
        """
        index = self._index = _Index()
        for path in files(self._settings.path, self._directory):
            if path == self._groups:
                continue
            for line in lines(path):
                place = _Place(path, line.number, line.offset, len(line.data), line.fingerprint)
                record = self._record(line.data, str(place))
                first = index.places.setdefault(record.id, place)
                if first is not place:
                    raise SourceError(
                        f"the id {record.id!r} is there twice, first at {first}", where=str(place)
                    )
                yield DocumentRef(
                    id=record.id,
                    fingerprint=place.fingerprint,
                    modified_at=record.modified_at or line.modified_at,
                    access=record.access,
                    title=record.title,
                    uri=record.uri,
                    problem=record.problem,
                    access_changed_at=line.modified_at,
                )
        index.whole = True

    def fetch(self, id: str) -> Content:
        """The text of the line, in UTF-8, as it was listed. Raises ``SourceError`` for an id that the listing
        does not have or has with a problem, and ``SourceUnavailableError`` where the file changed since: the
        access that was listed may not be that of the new text."""
        place = self._place(id)
        try:
            with open(place.path, "rb") as stream:
                stream.seek(place.offset)
                data = stream.read(place.length)
        except OSError as error:
            raise SourceUnavailableError(f"cannot be read: {error.strerror}", where=str(place)) from error
        if fingerprint(data) != place.fingerprint:
            raise SourceUnavailableError(
                "the file changed while it was read", where=str(place), next_step="List the source again."
            )
        record = self._record(data, str(place))
        if record.problem:
            raise SourceError(f"{id!r} cannot be read: {record.problem}", where=str(place))
        name = re.sub(r"[^\w.-]+", "_", id)[:100]
        return Content(f"{name}.txt", record.text.encode())

    def groups(self) -> Snapshot | None:
        """The groups in the file that the option ``groups`` names; ``None`` without it. Raises ``DirectoryError``
        with the line for anything in it that is no group."""
        return None if self._groups is None else read_groups(self._groups, self._settings.encoding)

    def _place(self, id: str) -> _Place:
        index = self._index
        if id not in index.places and not index.whole:
            for _ in self.list():
                pass
            index = self._index
        if id not in index.places:
            raise SourceError(
                f"there is no document {id!r}", where=str(self._directory / self._settings.path)
            )
        return index.places[id]

    def _record(self, data: bytes, where: str) -> Record:
        encoding = self._settings.encoding
        # Windows puts a byte order mark at the start of a file; utf-8-sig takes it away.
        plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        try:
            return parse_record(data.decode("utf-8-sig" if plain else encoding))
        except UnicodeDecodeError as error:
            raise SourceError(f"not {encoding}", where=where) from error
        except ValueError as error:
            raise SourceError(str(error), where=where) from error
