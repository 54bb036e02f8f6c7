"""Where a restore goes: empty, half restored, or in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import inspect, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.engines import engine_at, unpooled
from rag.catalog.tables import LedgerEntry
from rag.errors import BackupError
from rag.files import sync_file
from rag.index import IndexStore
from rag.maintenance.copying import beside, replace_rows, settle
from rag.maintenance.manifest import Manifest

MARKER = "restoring.json"
"""The file beside the vector cache that is there while a restore is under way."""
_COUNTED = {"version": "versions", "ledger": "ledger entries", "decision": "decisions"}
"""Tables, of this schema or an older one, whose rows a restore must not write over."""


class _Mark(BaseModel):
    """A restore that is under way: the digest of its backup's manifest, and the versions that it brings."""

    backup: str
    versions: frozenset[int]


class Place:
    """A catalog's address, a store and a vector cache's file, as one target.

    A marker beside the vector cache says that a restore of a certain backup is under way, and what it brings.
    """

    def __init__(self, catalog_url: str, store: IndexStore, vectors: Path) -> None:
        self.catalog_url = catalog_url
        self.store = store
        self.vectors = vectors
        url = make_url(catalog_url)
        self._shown = url.render_as_string(hide_password=True)
        self._file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        base = self._file or vectors.with_name("catalog.sqlite")
        self.prepared = base.with_name(f"{base.name}.restoring")
        """Where the catalog is made: one SQLite file, whatever it will be."""
        self.prepared_vectors = vectors.with_name(f"{vectors.name}.restoring")
        self._marker = vectors.with_name(MARKER)

    def restored(self, manifest: Manifest) -> dict[str, Any] | None:
        """The details of the ledger's entry if this very backup was restored here by a call that did not finish.

        Only what comes after the catalog can be missing then.
        """
        marked = self._marked()
        if marked is None or marked.backup != manifest.digest or not self._catalog_holds():
            return None
        catalog = Catalog.open(self.catalog_url, migrate=False)
        try:
            with catalog.read() as session:
                last = session.scalars(
                    select(LedgerEntry).order_by(col(LedgerEntry.number).desc()).limit(1)
                ).first()
        finally:
            catalog.close()
        if last is None or last.kind != "restore" or last.details.get("backup") != manifest.digest:
            return None
        return last.details

    def clear(self, manifest: Manifest) -> None:
        """Takes away what a restore that was killed has left, and marks the place for this one.

        Raises ``BackupError`` where anything else is there; then nothing was touched.
        """
        if held := self._catalog_holds():
            raise _in_use(f"a catalog with {held} is there", self._shown)
        marked = self._marked()
        left = marked.versions if marked else frozenset()
        sealed = self.store.sealed()
        if foreign := sorted(set(sealed) - left):
            raise _in_use(
                f"the index holds versions: {', '.join(map(str, foreign))}", str(self.vectors.parent)
            )
        found = [path for path in (self.vectors, *beside(self.vectors)) if path.exists()]
        if found and marked is None:
            raise _in_use("a vector cache is there", str(found[0]))
        if self._file is not None and not self._file.exists():
            for path in beside(self._file):
                if path.exists():
                    raise _in_use("what SQLite kept for a catalog that was moved away is there", str(path))
        if marked is not None:
            self.store.tidy()
            for version in sealed:
                self.store.drop(version)
        for path in (self.prepared, self.prepared_vectors):
            found += [path, *beside(path)]
        for path in found:
            path.unlink(missing_ok=True)
        self.vectors.parent.mkdir(parents=True, exist_ok=True)
        self.prepared.parent.mkdir(parents=True, exist_ok=True)
        self._mark(manifest)

    def scrub(self) -> None:
        """Takes what was deleted from the prepared catalog out of its file as well."""
        with closing(sqlite3.connect(self.prepared, isolation_level=None)) as connection:
            connection.execute("VACUUM")

    def go_live(self) -> None:
        """Puts the prepared catalog in its place, all of it at once."""
        if self._file is None:
            self._copy_over()
            return
        settle(self.prepared)
        if self._file.exists():
            # It holds nothing; but what SQLite keeps beside it would be taken for the new one's.
            settle(self._file)
        os.replace(self.prepared, self._file)
        sync_file(self._file)

    def unmark(self) -> None:
        """The restore is complete."""
        self._marker.unlink(missing_ok=True)

    def _copy_over(self) -> None:
        source = Catalog.open(f"sqlite:///{self.prepared}", migrate=False)
        try:
            target = Catalog.open(self.catalog_url, migrate=True)
            try:
                replace_rows(source, target)
            finally:
                target.close()
        finally:
            source.close()
        self.prepared.unlink()

    def _catalog_holds(self) -> str:
        """``3 versions, 7 ledger entries``: what is in the catalog; empty where it holds none, or is not there."""
        if self._file is not None and not self._file.exists():
            return ""
        engine = unpooled(engine_at(self.catalog_url))
        try:
            with engine.connect() as connection:
                tables = set(inspect(connection).get_table_names())
                counts = {
                    words: connection.scalar(text(f'SELECT count(*) FROM "{table}"'))
                    for table, words in _COUNTED.items()
                    if table in tables
                }
        except SQLAlchemyError as error:
            raise BackupError(
                f"what is there cannot be read as a catalog ({type(error).__name__})",
                where=self._shown,
                state="Nothing was changed",
                next_step="Move it away, or see that the database answers, then run this again",
            ) from error
        finally:
            engine.dispose()
        return ", ".join(f"{count} {words}" for words, count in counts.items() if count)

    def _mark(self, manifest: Manifest) -> None:
        new = self._marker.with_name(f"{self._marker.name}.new")
        mark = _Mark(backup=manifest.digest, versions=frozenset(manifest.versions))
        new.write_text(mark.model_dump_json(), encoding="utf-8")
        sync_file(new)
        os.replace(new, self._marker)
        sync_file(self._marker)

    def _marked(self) -> _Mark | None:
        if not self._marker.exists():
            return None
        return _Mark.model_validate_json(self._marker.read_bytes())


def _in_use(what: str, where: str) -> BackupError:
    return BackupError(
        f"a restore needs an empty place, and {what}",
        where=where,
        state="Nothing was changed",
        next_step="Run lockgate ledger export and keep that file outside, move the state folder away "
        "(and name an empty database, where there is one), then restore with --ledger",
    )
