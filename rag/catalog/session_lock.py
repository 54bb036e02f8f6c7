"""A lock of PostgreSQL's that is held by a connection of its own: several machines may want to write."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from rag.catalog.catalog import Catalog
from rag.catalog.engines import LOCKS, RUN_LOCK, unpooled
from rag.catalog.failures import told

_OURS = f"""
    locktype = 'advisory' AND classid = {LOCKS} AND objid = {RUN_LOCK} AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_TAKE = text(f"SELECT pg_try_advisory_lock({LOCKS}, {RUN_LOCK})")
_GIVE_BACK = text(f"SELECT pg_advisory_unlock({LOCKS}, {RUN_LOCK})")
_NAME = text("SELECT set_config('application_name', :name, false)")
_STILL_MINE = text(f"SELECT EXISTS (SELECT FROM pg_locks WHERE {_OURS} AND pid = pg_backend_pid())")
_HOLDER = text(f"""
    SELECT held.pid, who.application_name, host(who.client_addr), who.backend_start
    FROM pg_locks AS held LEFT JOIN pg_stat_activity AS who ON who.pid = held.pid
    WHERE {_OURS}
""")


class SessionLock:
    """The right to build versions in a PostgreSQL catalog, until ``release`` or the end of its connection.

    The server gives it back when its holder dies, and 90 s after the holder's machine was lost.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def take(cls, catalog: Catalog) -> SessionLock | None:
        """The lock, or None while somebody else has it. Raises ``CatalogError`` if the server cannot be asked."""
        with told(catalog.engine.url):
            connection = unpooled(catalog.engine).connect()
            taken = False
            try:
                taken = bool(connection.scalar(_TAKE))
                if taken:
                    name = f"lockgate, process {os.getpid()} on {socket.gethostname()}"
                    connection.execute(_NAME, {"name": name[:63]})
            except BaseException:
                taken = False
                raise
            finally:
                if not taken:
                    connection.close()
        return cls(connection) if taken else None

    def is_held(self) -> bool:
        """Whether it still is; false once the connection was lost, for then the server gave the lock back."""
        try:
            return bool(self._connection.scalar(_STILL_MINE))
        except SQLAlchemyError:
            return False

    def release(self) -> None:
        """Gives it back: who asks next may have it. Does nothing if it was lost."""
        # Said, not only hung up: the server takes its time to notice that a connection has ended.
        with suppress(SQLAlchemyError):
            self._connection.execute(_GIVE_BACK)
        self._connection.invalidate()  # closes it, whatever state it is in
        self._connection.close()


def lock_holder(catalog: Catalog) -> str | None:
    """Who has the lock now, in words; None if nobody has."""
    with catalog.connect() as connection:
        row = connection.execute(_HOLDER).first()
    if row is None:
        return None
    pid, name, address, since = row
    parts = [name or "a process whose name this user may not see"]
    parts += [f"from {address}"] if address else []
    parts.append(f"server process {pid}")
    parts += [f"since {since.astimezone(UTC).isoformat(timespec='seconds')}"] if since else []
    return ", ".join(parts)
