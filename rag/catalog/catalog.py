"""Opening the catalog: its transactions, its migrations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from rag.catalog import engines
from rag.catalog.failures import told
from rag.errors import CatalogError, CatalogUnavailableError

SCHEMA = "0004"
"""The migration that this release writes and reads. A test compares it with Alembic's head."""

_MOST_IDLE_LOOKS = 4
"""Connections kept for ``look``: fewer than the pool holds, or they would starve everything else."""

_Found = TypeVar("_Found")


class Catalog:
    """The catalog of one project, in SQLite or PostgreSQL, with the same meaning on both.

    Safe to share between threads; every session is its own transaction. Every method raises ``CatalogError``
    where the catalog cannot be used: ``CatalogBusyError`` where it stays locked, ``CatalogUnavailableError``
    where its server does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engines.reading(engine)
        self._writer = engines.writing(engine)
        self._looker = engines.looking(engine)
        self._idle: list[Connection] = []

    @classmethod
    def open(cls, url: str, *, migrate: bool) -> Catalog:
        """Opens the catalog at an SQLAlchemy URL. With ``migrate`` it is created or brought up to date first.

        Raises ``CatalogError`` where it is missing (and ``migrate`` is false), older, newer, or no catalog.
        """
        file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
        if not migrate and file is not None and not file.exists():
            raise _missing(str(file))
        catalog = cls(engines.engine_at(url))
        try:
            catalog._check(migrate=migrate)
        except BaseException:
            catalog.close()
            raise
        return catalog

    @property
    def where(self) -> str:
        """The catalog's URL as a person may see it: without a password."""
        return engines.where(self.engine.url)

    @property
    def has_server(self) -> bool:
        """Whether it is PostgreSQL, which several machines may share, and not a file of this one."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment and writes nothing."""
        with told(self.engine.url), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end and rolls back on an error. Writers take turns."""
        with (
            told(self.engine.url) as progress,
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            progress.writing()
            yield session
            session.flush()
            progress.committing()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A bare connection in one read transaction, for the few statements of the read path."""
        with told(self.engine.url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A connection without a transaction: every statement sees its own moment.

        For the read path, where beginning and ending transactions would cost more than the statements.
        """
        with told(self.engine.url):
            connection = self._idle_connection() or self._looker.connect()
            try:
                yield connection
            except DBAPIError:
                connection.invalidate()  # it may be what went wrong: nobody else shall get it
                connection.close()
                raise
            except BaseException:
                connection.close()
                raise
        if len(self._idle) < _MOST_IDLE_LOOKS:
            self._idle.append(connection)
        else:
            connection.close()

    def once_more(self, read: Callable[[], _Found]) -> _Found:
        """What ``read`` returns, which only reads; asked a second time if its connection was lost meanwhile.

        A restart of the server ends every connection, and no search should fail for that.
        """
        try:
            return read()
        except CatalogUnavailableError:
            self._forget_idle()
            return read()

    def close(self) -> None:
        """Returns every connection. The catalog cannot be used afterwards."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()

    def _idle_connection(self) -> Connection | None:
        """One that was kept and still is one; None if there is none, or all are in use by other threads."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not engines.has_been_closed(connection):
                return connection
            connection.invalidate()
            connection.close()

    def _forget_idle(self) -> None:
        while self._idle:
            connection = self._idle.pop()
            connection.invalidate()
            connection.close()

    def _check(self, *, migrate: bool) -> None:
        with self.connect() as connection:
            found = self._schema(connection)
        if found == SCHEMA:
            return
        self._refuse_newer(found)
        if not migrate and found is None and self.has_server:
            raise _missing(self.where)
        if not migrate:
            raise CatalogError(
                f"the catalog is of an older release (schema {found or 'none'}, this one needs {SCHEMA})",
                where=self.where,
                next_step="Run lockgate ingest, which brings it up to date.",
            )
        self._migrate()

    def _refuse_newer(self, found: str | None) -> None:
        if found is not None and found > SCHEMA:
            raise CatalogError(
                f"the catalog is of a newer release (schema {found}, this one knows {SCHEMA})",
                where=self.where,
                next_step="Install that release, or restore a backup made by this one.",
            )

    def _schema(self, connection: Connection) -> str | None:
        if self.has_server:
            encoding = connection.scalar(text("SHOW server_encoding"))
            if encoding != "UTF8":
                raise CatalogError(
                    f"the database keeps text as {encoding}, which cannot hold every document",
                    where=self.where,
                    next_step="Create it with: createdb --encoding=UTF8 --template=template0",
                )
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        return str(row[0]) if row else None

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with told(self.engine.url) as progress, engines.migrating(self.engine).connect() as connection:
            try:
                with connection.begin():
                    progress.writing()
                    found = self._schema(connection)  # as it is now that nobody else can change it
                    self._refuse_newer(found)
                    if found != SCHEMA:
                        config.attributes["connection"] = connection
                        command.upgrade(config, SCHEMA)
                        self._check_keys(connection)
                    progress.committing()
            finally:
                connection.invalidate()  # SQLite's foreign keys rest on it

    def _check_keys(self, connection: Connection) -> None:
        """SQLite's keys rested while the migration ran; whatever it broke shows here, and nothing is kept."""
        if self.has_server:
            return
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            raise CatalogError(
                f"after its migration a row of {broken[0]} would refer to a row of {broken[2]} that is not there",
                where=self.where,
                state="The catalog was left as it was",
                next_step="Restore a backup, or report this",
            )


def _missing(where: str) -> CatalogError:
    return CatalogError("there is no catalog yet", where=where, next_step="Run lockgate ingest first.")
