"""Which catalog a test gets for a folder: SQLite in it, or a PostgreSQL database kept for it."""

from __future__ import annotations

from pathlib import Path

from tests.support.postgres import Server


def sqlite_url(folder: Path) -> str:
    """The catalog that a project without a server has."""
    return f"sqlite:///{folder / 'catalog.sqlite'}"


class Catalogs:
    """Gives every folder its own database, the same one each time, so that a test can open it again."""

    def __init__(self) -> None:
        self.server: Server | None = None
        """Where the databases are; None for SQLite."""
        self.made: dict[Path, str] = {}

    def url(self, folder: Path, *, empty: bool = False) -> str:
        """The URL of the folder's catalog, which need not be there yet; with ``empty`` it is not."""
        if self.server is None:
            return sqlite_url(folder)
        key = folder.resolve()
        if key not in self.made:
            self.made[key] = self.server.new_database() if empty else self.server.new_catalog()
        return self.made[key]

    def clear(self) -> None:
        """Back to SQLite; the databases go."""
        while self.made and self.server is not None:
            self.server.drop(self.made.popitem()[1])
        self.server = None


CATALOGS = Catalogs()
"""What the fixture ``either_catalog`` sets for the time of one test."""
