"""Opening the catalog: the engine, its transactions, its migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import Session

from rag.errors import CatalogBusyError, CatalogError

SCHEMA = "0001"
"""The migration that this release writes and reads. A test compares it with Alembic's head."""

_BUSY_SECONDS = 30
_MAPPED_BYTES = 1 << 30
_CACHED_KIBIBYTES = 16 << 10
_MOST_IDLE_LOOKS = 4
"""Connections kept for ``look``: fewer than the pool holds, or they would starve everything else."""


class Catalog:
    """The catalog of one project. Safe to share between threads; every session is its own transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(lockgate_write=True)
        bare = {} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        self._looker = engine.execution_options(lockgate_bare=True, **bare)
        self._idle: list[Connection] = []

    @classmethod
    def open(cls, url: str, *, migrate: bool) -> Catalog:
        """Opens the catalog at an SQLAlchemy URL. With ``migrate`` it is created or brought up to date first.

        Raises ``CatalogError`` where it is missing (and ``migrate`` is false), older, newer, or no catalog.
        """
        if not migrate and url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            raise CatalogError(
                "there is no catalog yet",
                where=url.removeprefix("sqlite:///"),
                next_step="Run lockgate ingest first.",
            )
        catalog = cls(_engine(url))
        try:
            catalog._check(migrate=migrate)
        except BaseException:
            catalog.close()
            raise
        return catalog

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment and writes nothing."""
        with _told(self), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end and rolls back on an error. Writers take turns."""
        with _told(self), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A bare connection in one read transaction, for the few statements of the read path."""
        with _told(self), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A connection without a transaction: every statement sees its own moment.

        For the read path, where beginning and ending transactions would cost more than the statements.
        """
        try:
            connection = self._idle.pop()
        except IndexError:  # all are in use, by other threads
            connection = self._looker.connect()
        try:
            with _told(self):
                yield connection
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < _MOST_IDLE_LOOKS:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Returns every connection. The catalog cannot be used afterwards."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()

    def _check(self, *, migrate: bool) -> None:
        found = self._schema()
        if found == SCHEMA:
            return
        if found is not None and found > SCHEMA:
            raise CatalogError(
                f"the catalog is of a newer release (schema {found}, this one knows {SCHEMA})",
                where=self._where,
                next_step="Install that release, or restore a backup made by this one.",
            )
        if not migrate:
            raise CatalogError(
                f"the catalog is of an older release (schema {found or 'none'}, this one needs {SCHEMA})",
                where=self._where,
                next_step="Run lockgate ingest, which brings it up to date.",
            )
        self._migrate()

    def _schema(self) -> str | None:
        try:
            with self.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    return None
                row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        except (sqlite3.DatabaseError, DatabaseError) as error:
            raise CatalogError(
                f"the catalog cannot be opened ({type(error).__name__})", where=self._where
            ) from error
        return str(row[0]) if row else None

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self._writer.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, SCHEMA)

    @property
    def _where(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun below; the driver's own habit would begin them at the first write only,
        # where a concurrent writer makes them fail at once instead of waiting.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # The passages of a search lie all over the file; SQLite's own 2 MB of pages would not hold them.
        connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHED_KIBIBYTES}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("lockgate_bare"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("lockgate_write") else "BEGIN")

    return engine


@contextmanager
def _told(catalog: Catalog) -> Iterator[None]:
    """Turns "database is locked" into an error of ours that may be retried."""
    try:
        yield
    except (OperationalError, sqlite3.OperationalError) as error:
        if "locked" not in str(error):
            raise
        raise CatalogBusyError(
            f"another process has kept the catalog locked for over {_BUSY_SECONDS} s",
            where=catalog._where,
            next_step="Try again; if it lasts, see which lockgate process still runs.",
        ) from error
