"""Bytes that a database keeps of what was deleted from it, and getting rid of them."""

from __future__ import annotations

from rag.catalog import Catalog
from rag.errors import CatalogBusyError


def settle(catalog: Catalog) -> None:
    """Brings SQLite's log into the catalog and empties it, if nobody is in the way just now."""
    if catalog.engine.dialect.name != "sqlite":
        return
    with catalog.look() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        try:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")


def scrub(catalog: Catalog) -> bool:
    """Writes the catalog anew, so that no byte of what was deleted is left; false while others are in the way.

    Overwriting what is deleted is not enough: SQLite leaves pieces behind where it moved rows between pages. It
    costs the whole file once, and as much room on the disk meanwhile; readers go on, writers wait. PostgreSQL
    does this in its own time, with its own vacuum: there it does nothing. Raises ``CatalogError`` where the disk
    is full.
    """
    if catalog.engine.dialect.name != "sqlite":
        return True
    try:
        with catalog.look() as connection:
            connection.exec_driver_sql("VACUUM")
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    except CatalogBusyError:
        return False
    return not busy
