"""Which revisions a version holds; opening and closing them in the version that is next to be sealed."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, col

from rag.catalog.tables import Revision, Version, VersionState
from rag.errors import UnknownVersionError

SEALED = (VersionState.CANDIDATE, VersionState.PROMOTED, VersionState.REJECTED, VersionState.RETIRED)


def latest_sealed(connection: Connection | Session) -> int | None:
    """The highest version that was ever sealed, whether its index is still there or not; or None."""
    return connection.scalar(select(func.max(col(Version.number))).where(col(Version.state).in_(SEALED)))


def next_version(connection: Connection | Session) -> int:
    """The version that is being built, or would be: what is changed now belongs to it."""
    return (latest_sealed(connection) or 0) + 1


def alive_at(version: int) -> ColumnElement[bool]:
    """``since <= version`` and not ``until <= version``."""
    return (col(Revision.since) <= version) & or_(
        col(Revision.until).is_(None), col(Revision.until) > version
    )


def readable() -> ColumnElement[bool]:
    """Whether a version was sealed and retention has not taken its index away."""
    return (col(Version.state) != VersionState.BUILDING) & col(Version.swept_at).is_(None)


def is_readable(connection: Connection | Session, version: int) -> bool:
    """Whether there is such a version and it can be read."""
    return (
        connection.scalar(select(col(Version.number)).where(col(Version.number) == version, readable()))
        is not None
    )


def latest_readable(connection: Connection | Session) -> int | None:
    """The highest version that can be read, or None. After a restore it may be below ``latest_sealed``."""
    return connection.scalar(select(func.max(col(Version.number))).where(readable()))


def unknown_version(version: int) -> UnknownVersionError:
    """What to raise where ``is_readable`` says no."""
    return UnknownVersionError(
        f"there is no version {version}, or its index was taken away by retention",
        next_step="See lockgate status for the versions there are.",
    )


def open_revision(session: Session, document_id: int) -> Revision | None:
    """The document's revision that lasts, or None."""
    return session.scalar(
        select(Revision).where(col(Revision.document_id) == document_id, col(Revision.until).is_(None))
    )


def close_revisions(session: Session, document_ids: list[int], version: int) -> None:
    """Ends the revisions of these documents at ``version``; one that began there goes without a trace."""
    for start in range(0, len(document_ids), 500):
        ours = col(Revision.document_id).in_(document_ids[start : start + 500])
        session.execute(delete(Revision).where(ours, col(Revision.since) == version))
        session.execute(update(Revision).where(ours, col(Revision.until).is_(None)).values(until=version))


def has_changes(connection: Connection | Session, version: int) -> bool:
    """Whether ``version`` differs from the one before it."""
    found = connection.scalar(
        select(col(Revision.id))
        .where(or_(col(Revision.since) == version, col(Revision.until) == version))
        .limit(1)
    )
    return found is not None
