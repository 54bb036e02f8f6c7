"""Engines of the two dialects, and the kinds of transaction that a catalog begins on them.

Every kind means the same on both: a read sees one moment, writers take turns, a look has no transaction.
"""

from __future__ import annotations

import select
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from rag.catalog.prepared import wrapped
from rag.errors import CatalogError

BUSY_SECONDS = 30
"""How long a lock of the catalog is waited for."""

_CONNECT_SECONDS = 10
_MAPPED_BYTES = 1 << 30
_CACHED_KIBIBYTES = 16 << 10

LOCKS = int.from_bytes(b"lock")
"""The first half of the keys of our advisory locks, which PostgreSQL keeps apart by database."""
WRITE_LOCK = 1
"""Held for one transaction: writers take turns."""
RUN_LOCK = 2
"""Held for a whole run by the one process that builds a version; see ``SessionLock``."""


def engine_at(url: str) -> Engine:
    """An engine for an SQLAlchemy URL. Connects to nothing yet.

    Raises ``CatalogError``, without the URL, if it cannot be understood or its driver is not there.
    """
    try:
        parsed = make_url(url)
        return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    except (ArgumentError, ValueError):
        # Not chained: the text of these may hold the URL, and so the password.
        raise CatalogError(
            "the catalog's URL cannot be understood",
            next_step="Write it as postgresql+psycopg://user@host:port/database.",
        ) from None
    except ModuleNotFoundError as error:
        raise CatalogError(
            f"the catalog's driver is not installed ({error.name})",
            next_step="Install it with: pip install 'lockgate[postgres]'.",
        ) from error


def where(url: URL) -> str:
    """The URL as a person may see it: no password, and nothing of its query but the host."""
    shown = {key: value for key, value in url.query.items() if key in ("host", "port", "service")}
    return url.set(query=shown).render_as_string(hide_password=True)


def reading(engine: Engine) -> Engine:
    """Transactions that see one moment and write nothing."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def writing(engine: Engine) -> Engine:
    """Transactions that hold the write lock from their first moment, so what they read is not overtaken."""
    # Every statement has to see what the writer before has committed. A snapshot would be taken by the
    # statement that waits for the lock, and so be of the time before.
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "READ COMMITTED"}
    return engine.execution_options(lockgate_write=True, **level)


def migrating(engine: Engine) -> Engine:
    """As ``writing``, but SQLite does not act on foreign keys: a migration that makes a table anew drops the
    old one, which would delete, row by row, all that refers to it. Never to be used again afterwards.
    """
    return writing(engine).execution_options(lockgate_keys_rest=True)


def looking(engine: Engine) -> Engine:
    """Connections without a transaction: every statement sees its own moment."""
    bare = {} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
    return engine.execution_options(lockgate_bare=True, **bare)


def unpooled(engine: Engine) -> Engine:
    """Connections to the same server that are of their own: each ends when it is closed. No transactions."""
    return create_engine(engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)


def has_been_closed(connection: Connection) -> bool:
    """Whether the server has hung up on an idle connection, as far as this machine knows. Asks nobody."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return False
    if driver is None or driver.closed:
        return True
    # An idle connection has nothing to say, but that it has ended.
    waiting = select.poll()
    waiting.register(driver.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def _sqlite(url: URL) -> Engine:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun below; the driver's own habit would begin them at the first write only,
        # where a concurrent writer makes them fail at once instead of waiting.
        connection.isolation_level = None
        with wrapped(engine.dialect):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(
                "PRAGMA secure_delete = ON"
            )  # what is purged is overwritten, not only unlinked
            # The passages of a search lie all over the file; SQLite's own 2 MB of pages would not hold them.
            connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{_CACHED_KIBIBYTES}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("lockgate_keys_rest"):
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")  # does nothing within a transaction
        if not options.get("lockgate_bare"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("lockgate_write") else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    # What the server is asked for comes first, so that options in the URL have the last word. It finds a
    # client that lost power after 90 s, and gives its locks back; the client finds a lost server so too.
    options = {
        "lock_timeout": int(BUSY_SECONDS * 1000),
        "tcp_keepalives_idle": 60,
        "tcp_keepalives_interval": 10,
        "tcp_keepalives_count": 3,
    }
    asked = " ".join(f"-c {name}={value}" for name, value in options.items())
    defaults = {
        "application_name": "lockgate",
        "connect_timeout": str(_CONNECT_SECONDS),
        "keepalives_idle": "60",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "90000",
        **url.query,
        "options": f"{asked} {url.query.get('options', '')}".strip(),
    }
    engine = create_engine(url.set(query=defaults), pool_pre_ping=True, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("lockgate_write"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS}, {WRITE_LOCK})")

    return engine
