"""What the drivers raise, told in our words: what failed, where, what was kept, what to do.

Told apart by the codes of SQLite and PostgreSQL. Only why a connection was refused has no code: libpq gives
a text alone, in which three causes are known by their English words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rag.catalog.engines import BUSY_SECONDS, where
from rag.errors import CatalogBusyError, CatalogError, CatalogUnavailableError

_ROLLED_BACK = "What was being written was rolled back"
_UNKNOWN = (
    "The connection was lost at the end of a transaction, which was either kept as a whole or not at all"
)
_TRY_AGAIN = "Try again"


@dataclass(slots=True)
class Progress:
    """How far a transaction has come, for the error that may end it."""

    state: str = ""

    def writing(self) -> None:
        """From now on an error rolls something back."""
        self.state = _ROLLED_BACK

    def committing(self) -> None:
        """From now on it is the server alone that knows whether it was kept."""
        self.state = _UNKNOWN


@contextmanager
def told(url: URL) -> Iterator[Progress]:
    """Turns errors of the catalog's drivers into ``CatalogError``; those of a statement itself go on as they are.

    ``CatalogBusyError`` and ``CatalogUnavailableError`` where trying again may help.
    """
    progress = Progress()
    try:
        yield progress
    except PoolTimeoutError as error:
        raise CatalogBusyError(
            "more threads use the catalog at once than it has connections",
            where=where(url),
            state=progress.state,
            next_step=_TRY_AGAIN,
        ) from error
    except DBAPIError as error:
        ours = _of(error, url, progress.state)
        if ours is None:
            raise
        raise ours from error


def _of(error: DBAPIError, url: URL, state: str) -> CatalogError | None:
    """The error of ours for one of a driver's; None for what a statement itself did wrong."""
    driver = error.orig
    if isinstance(driver, sqlite3.Error):
        # SQLite has no connection to lose: what is not committed when an error comes is rolled back.
        return _of_sqlite(driver, where(url), _ROLLED_BACK if state else "")
    code: str | None = getattr(driver, "sqlstate", None)
    if code is None and error.connection_invalidated:
        return _lost(where(url), state)
    if code is None:
        return _refused(str(driver), url) if type(driver).__name__ == "OperationalError" else None
    return _of_postgresql(code, where(url), _ROLLED_BACK if state else "", lost_state=state)


def _of_sqlite(error: sqlite3.Error, place: str, state: str) -> CatalogError | None:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return _busy(place, state)
        case sqlite3.SQLITE_FULL:
            return CatalogError(
                "the disk is full", where=place, state=state, next_step="Free some space, then run this again"
            )
        case sqlite3.SQLITE_READONLY:
            return CatalogError(
                "the catalog's file or folder may not be written to",
                where=place,
                state=state,
                next_step="Give this user the right to write there, then run this again",
            )
        case sqlite3.SQLITE_IOERR:
            return CatalogError(
                f"the disk failed to read or write ({error.sqlite_errorname})",
                where=place,
                state=state,
                next_step="See whether the disk is full or failing, then run this again",
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return CatalogError(
                f"the catalog cannot be opened ({error.sqlite_errorname}: it is no database, is damaged, or "
                "may not be read)",
                where=place,
                state=state,
                next_step="Look at the file's rights, or restore a backup",
            )
    return None


def _of_postgresql(code: str, place: str, state: str, *, lost_state: str) -> CatalogError | None:
    """By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    match code:
        case "55P03" | "40001" | "40P01":
            return _busy(place, state)
        case "57P01" | "57P02" | "57P05" | "25P03" | "57P04":
            return _lost(place, lost_state)
        case "57P03" | "53300" | "53200" | "57014":
            what = {
                "57P03": "the server is starting up or shutting down",
                "53300": "the server has no connection left to give",
                "53200": "the server is out of memory",
                "57014": "the server cancelled a statement",
            }[code]
            return CatalogUnavailableError(what, where=place, state=state, next_step=_TRY_AGAIN)
        case "53100":
            return CatalogError(
                "the server's disk is full",
                where=place,
                state=state,
                next_step="Free some space there, then run this again",
            )
        case "25006":
            return CatalogError(
                "the server takes no writes: it is a standby, or set to read only",
                where=place,
                state=state,
                next_step="Let the catalog's URL lead to the primary",
            )
        case "42501":
            return CatalogError(
                "the database's user lacks a right that the catalog needs",
                where=place,
                state=state,
                next_step="Make it the owner of the database, or GRANT it USAGE and CREATE on its schema",
            )
    return _lost(place, lost_state) if code.startswith("08") else None


def _busy(place: str, state: str) -> CatalogBusyError:
    return CatalogBusyError(
        f"another process has kept the catalog locked for over {BUSY_SECONDS} s",
        where=place,
        state=state,
        next_step="Try again; if it lasts, see which lockgate process still runs",
    )


def _lost(place: str, state: str) -> CatalogUnavailableError:
    return CatalogUnavailableError(
        "the connection to the server was lost", where=place, state=state, next_step=_TRY_AGAIN
    )


def _refused(text: str, url: URL) -> CatalogError:
    """Why no connection came about."""
    place = where(url)
    if "password authentication failed" in text or "no password supplied" in text:
        return CatalogError(
            "the server does not accept the user's password",
            where=place,
            next_step="Look at user and password in the catalog's URL and the variables that it names",
        )
    if 'database "' in text and "does not exist" in text:
        return CatalogError(
            f"the server has no database {url.database!r}",
            where=place,
            next_step="Create it (createdb), then run lockgate ingest",
        )
    if "does not exist" in text or "no pg_hba.conf entry" in text or "authentication failed" in text:
        return CatalogError(
            f"the server does not let {url.username!r} in",
            where=place,
            next_step="Create the user, or allow it in the server's pg_hba.conf",
        )
    return CatalogUnavailableError(
        f"the server cannot be reached ({_reason(text, url)})",
        where=place,
        next_step="See that it runs and that host and port are right, then try again",
    )


def _reason(text: str, url: URL) -> str:
    """libpq's own words for it, which never hold the password; should they ever, it is taken out."""
    line = next((line for line in text.splitlines() if "failed: " in line), "failed: it does not say why")
    reason = line.rsplit("failed: ", 1)[-1].strip(" \t.")
    for secret in (url.password, url.query.get("password")):
        if isinstance(secret, str) and secret:
            reason = reason.replace(secret, "***")
    return reason
