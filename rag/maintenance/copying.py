"""Copies of databases: SQLite files as they are at one moment, and catalogs row by row between databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

import rag.catalog.tables  # noqa: F401  (fills the metadata)
from rag.catalog import Catalog
from rag.errors import BackupError
from rag.files import sync_file

_BATCH = 1000
_BUSY_SECONDS = 30


def snapshot_catalog(catalog: Catalog, target: Path) -> None:
    """The catalog as it is at one moment, as one SQLite file, durably. Readers and writers go on."""
    url = catalog.engine.url
    if catalog.engine.dialect.name == "sqlite":
        assert url.database is not None
        snapshot_file(Path(url.database), target)
        return
    copy = Catalog.open(f"sqlite:///{target}", migrate=True)
    try:
        moment = catalog.engine.execution_options(isolation_level="REPEATABLE READ")
        with moment.connect() as source, copy.write() as session:
            copy_rows(source, session.connection())
    finally:
        copy.close()
    settle(target)


def snapshot_file(source: Path, target: Path) -> None:
    """A SQLite file as it is at one moment, without what was deleted from it, durably. Its users go on."""
    with closing(sqlite3.connect(source, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    sync_file(target)


def settle(path: Path) -> None:
    """Makes all of a SQLite file durable and one file alone. Raises ``sqlite3.Error`` while anybody has it open."""
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    sync_file(path)


def beside(path: Path) -> list[Path]:
    """What SQLite keeps beside a file while it is in use."""
    return [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]


@contextmanager
def writing(what: str, where: Path, state: str) -> Iterator[None]:
    """Turns a full disk, and whatever else keeps files from being written, into a ``BackupError``."""
    try:
        yield
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        why = type(error).__name__  # SQLAlchemy's own words may hold what is in the rows
        if isinstance(error, OSError | sqlite3.Error):
            why = getattr(error, "strerror", None) or str(error)
        raise BackupError(
            f"{what} ({why})",
            where=str(where),
            state=state,
            next_step="See that the disk has room and may be written to, then run the same command again",
        ) from error


def replace_rows(source: Catalog, target: Catalog) -> None:
    """Makes ``target`` hold exactly what ``source`` does, in one transaction. Both are at this schema."""
    with source.connect() as rows, target.write() as session:
        connection = session.connection()
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(table.delete())
        copy_rows(rows, connection)


def copy_rows(source: Connection, target: Connection) -> None:
    """Every row of every table, and which ids were ever given, into a catalog that is empty."""
    for table in SQLModel.metadata.sorted_tables:
        found = source.execute(select(table).execution_options(yield_per=_BATCH))
        for some in found.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in some])
        if table.autoincrement_column is not None:
            _never_again(target, table, _last_id(source, table))


def _last_id(connection: Connection, table: Table) -> int:
    """The highest id that was ever given in ``table``, as far as its database remembers; 0 if none."""
    assert table.autoincrement_column is not None
    highest = connection.scalar(select(func.max(table.autoincrement_column))) or 0
    given: int | None = None
    if connection.dialect.name == "sqlite":
        given = connection.scalar(
            text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name}
        )
    elif sequence := _sequence(connection, table):
        given = connection.scalar(text(f"SELECT last_value FROM {sequence} WHERE is_called"))
    return max(highest, given or 0)


def _never_again(connection: Connection, table: Table, last: int) -> None:
    """Has ids up to ``last`` never given in ``table`` again."""
    if not last:
        return
    if connection.dialect.name != "sqlite":
        if sequence := _sequence(connection, table):
            connection.execute(
                text("SELECT setval(CAST(:sequence AS regclass), :last)"),
                {"sequence": sequence, "last": last},
            )
    elif table.dialect_options["sqlite"]["autoincrement"]:
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
        connection.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"),
            {"table": table.name, "last": last},
        )


def _sequence(connection: Connection, table: Table) -> str | None:
    """PostgreSQL's name, quoted where it must be, of what gives the ids of ``table``."""
    assert table.autoincrement_column is not None
    found: str | None = connection.scalar(
        text("SELECT pg_get_serial_sequence(:table, :column)"),
        {"table": f'"{table.name}"', "column": table.autoincrement_column.name},
    )
    return found
