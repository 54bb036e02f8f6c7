"""The few statements of the read path, each one look at one moment of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.sql.selectable import ScalarSelect
from sqlmodel import col

from rag.catalog.access import EPOCH, ERASED
from rag.catalog.prepared import Prepared
from rag.catalog.revisions import alive_at, readable, unknown_version
from rag.catalog.tables import (
    ChunkRow,
    Counter,
    Document,
    DocumentState,
    Erasure,
    Generation,
    Pointer,
    Release,
    Revision,
    Version,
)
from rag.releases.releases import PROMOTED


def _counter(name: str) -> ScalarSelect[int]:
    return (
        select(func.coalesce(func.max(col(Counter.value)), 0))
        .where(col(Counter.name) == name)
        .scalar_subquery()
    )


_EPOCH, _ERASED = _counter(EPOCH), _counter(ERASED)
_PROMOTED = select(col(Pointer.release_id)).where(col(Pointer.name) == PROMOTED).scalar_subquery()
_MOMENT = Prepared(select(_PROMOTED.label("release"), _EPOCH.label("epoch"), _ERASED.label("erased")))
_VERSION = select(col(Version.number)).where(col(Version.number) == bindparam("version"), readable())
_READABLE = Prepared(_VERSION)


@dataclass(frozen=True, slots=True)
class Moment:
    """The id of the promoted release (None before the first promotion), the access epoch, and how often documents
    were erased from the index."""

    release: int | None
    epoch: int
    erased: int


class Served(NamedTuple):
    """A version with its generation, and the settings of the release that serves it."""

    version: int
    generation: int
    settings: dict[str, Any]


class Passage(NamedTuple):
    """A passage with the rule in force for its document, and the access epoch at which that was read."""

    id: int
    text: str
    heading_path: list[str]
    page: int | None
    start: int
    end: int
    title: str
    modified_at: datetime | None
    document: str
    uri: str | None
    rule_id: int | None
    epoch: int


@cache
def _passages(count: int) -> Prepared:
    """The statement for ``count`` ids."""
    return Prepared(
        select(
            col(ChunkRow.id),
            col(ChunkRow.text),
            col(ChunkRow.heading_path),
            col(ChunkRow.page),
            col(ChunkRow.start),
            col(ChunkRow.end),
            col(Revision.title),
            col(Revision.modified_at),
            col(Document.key),
            col(Document.uri),
            col(Document.rule_id),
            _EPOCH.label("epoch"),
            _VERSION.scalar_subquery().label("readable"),
        )
        .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
        .join(Document, col(Revision.document_id) == col(Document.id))
        .where(
            col(ChunkRow.id).in_([bindparam(f"id{n}") for n in range(count)]),
            col(Document.state) != DocumentState.PURGED,
        )
    )


def moment(connection: Connection) -> Moment:
    """The present one."""
    ((release, epoch, erased),) = _MOMENT.rows(connection)
    return Moment(release, epoch, erased)


def is_readable(connection: Connection, version: int) -> bool:
    """Whether a version of that number was sealed and its index not taken away since."""
    return bool(_READABLE.rows(connection, version=version))


def served_by(connection: Connection, release: int) -> Served:
    """The version of a release; neither ever changes."""
    row = connection.execute(
        select(col(Release.version), col(Version.generation_id), col(Release.settings))
        .join(Version, col(Version.number) == col(Release.version))
        .where(col(Release.id) == release)
    ).one()
    return Served(*row)


def generation_of(connection: Connection, version: int) -> int | None:
    """The generation of a version, or None where there is no such version."""
    return connection.scalar(select(col(Version.generation_id)).where(col(Version.number) == version))


def generation_settings(connection: Connection, generation: int) -> dict[str, Any]:
    """What a generation's vectors were made with."""
    found: dict[str, Any] = connection.execute(
        select(col(Generation.settings)).where(col(Generation.id) == generation)
    ).scalar_one()
    return found


def passages(connection: Connection, version: int, ids: Sequence[int]) -> dict[int, Passage]:
    """The passages with these chunk ids; what is unknown or purged is absent.

    Raises ``UnknownVersionError`` where ``version``, in whose index they were found, cannot be read any more:
    what was found may be a part of it.
    """
    named = {f"id{n}": id for n, id in enumerate(ids)}
    rows = _passages(len(ids)).rows(connection, version=version, **named) if ids else []
    if not (rows[0][-1] if rows else is_readable(connection, version)):
        raise unknown_version(version)
    return {row[0]: Passage(*row[:-1]) for row in rows}


def moved_documents(connection: Connection, version: int) -> dict[int, int | None]:
    """``{document id: id of the rule in force}`` where that is not the one that the version's points carry.

    Documents that are purged and not erased from the index yet are among them, under no rule.
    """
    rows = connection.execute(
        select(col(Document.id), col(Document.rule_id))
        .join(Revision, col(Revision.document_id) == col(Document.id))
        .where(
            alive_at(version),
            col(Document.rule_id).is_distinct_from(col(Revision.indexed_rule_id)),
        )
    )
    moved = {id: rule for id, rule in rows if id is not None}
    moved.update(dict.fromkeys(connection.scalars(select(col(Erasure.document_id)))))
    return moved
