"""The few statements of the read path, each one look at one moment of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Result, Row, bindparam, func, select
from sqlmodel import col

from rag.catalog.tables import (
    ChunkRow,
    Counter,
    Document,
    DocumentState,
    Pointer,
    Release,
    Revision,
    Version,
)
from rag.ingestion.revisions import SEALED, alive_at
from rag.releases.releases import PROMOTED

_EPOCH = (
    select(func.coalesce(func.max(col(Counter.value)), 0))
    .where(col(Counter.name) == "access_epoch")
    .scalar_subquery()
)
_PROMOTED = (
    select(col(Release.version))
    .join(Pointer, col(Pointer.release_id) == col(Release.id))
    .where(col(Pointer.name) == PROMOTED)
    .scalar_subquery()
)
_MOMENT = select(_PROMOTED.label("version"), _EPOCH.label("epoch"))
_VERSION = select(col(Version.number)).where(
    col(Version.number) == bindparam("version"), col(Version.state).in_(SEALED)
)
_PASSAGES = (
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
    )
    .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
    .join(Document, col(Revision.document_id) == col(Document.id))
    .where(
        col(ChunkRow.id).in_(bindparam("ids", expanding=True)),
        col(Document.state) != DocumentState.PURGED,
    )
)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is promoted (None before the first promotion), and the access epoch."""

    version: int | None
    epoch: int


def moment(connection: Connection) -> Moment:
    row = connection.execute(_MOMENT).one()
    return Moment(row.version, row.epoch)


def is_sealed(connection: Connection, version: int) -> bool:
    return connection.execute(_VERSION, {"version": version}).first() is not None


def passages(connection: Connection, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """The passages with these chunk ids, with the rule in force for each; what is unknown or purged is absent."""
    rows: Result[Any] = connection.execute(_PASSAGES, {"ids": list(ids)})
    return {row.id: row for row in rows}


def moved_documents(connection: Connection, version: int) -> dict[int, int | None]:
    """``{document id: id of the rule in force}`` where that is not the one that the version's points carry."""
    rows = connection.execute(
        select(col(Document.id), col(Document.rule_id))
        .join(Revision, col(Revision.document_id) == col(Document.id))
        .where(
            alive_at(version),
            col(Document.rule_id).is_distinct_from(col(Revision.indexed_rule_id)),
        )
    )
    return {id: rule for id, rule in rows if id is not None}
