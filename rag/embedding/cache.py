"""The vector cache: what was embedded once is never embedded again."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.embedding.port import Vectors
from rag.errors import LockgateError

_MOST_PARAMETERS = 500
_BUSY_SECONDS = 30


class VectorCache:
    """Vectors by embedder fingerprint and text hash, in one SQLite file. Every ``put`` is durable and whole.

    One thread at a time; several processes may hold the same file open.
    """

    def __init__(self, path: Path, *, fingerprint: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fingerprint = fingerprint
        self._file = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute("PRAGMA secure_delete = ON")  # a vector can be turned back into text
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS vector (embedder TEXT, text_hash TEXT, vector BLOB NOT NULL,"
            " PRIMARY KEY (embedder, text_hash)) WITHOUT ROWID"
        )

    def missing(self, text_hashes: Iterable[str]) -> list[str]:
        """Those of ``text_hashes`` that are not cached, each once, in the order given."""
        wanted = list(dict.fromkeys(text_hashes))
        known: set[str] = set()
        for some in _batches(wanted):
            known.update(hash for (hash,) in self._select("text_hash", some))
        return [hash for hash in wanted if hash not in known]

    def get(self, text_hashes: Sequence[str]) -> dict[str, Vectors]:
        """Vectors of shape (dimension,) by text hash; raises ``KeyError`` if one is not cached."""
        found: dict[str, Vectors] = {}
        for some in _batches(list(dict.fromkeys(text_hashes))):
            for hash, blob in self._select("text_hash, vector", some):
                found[hash] = np.frombuffer(blob, dtype="<f4")
        absent = [hash for hash in text_hashes if hash not in found]
        if absent:
            raise KeyError(absent[0])
        return found

    def put(self, vectors: Mapping[str, Vectors]) -> None:
        """Stores vectors by text hash. One that is there already stays."""
        rows = [(self._fingerprint, hash, vector.astype("<f4").tobytes()) for hash, vector in vectors.items()]
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._file.executemany("INSERT OR IGNORE INTO vector VALUES (?, ?, ?)", rows)
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def stored(self) -> Iterator[list[str]]:
        """The text hashes of every embedder, a batch at a time; one that two embedders have comes twice.

        What is forgotten between two batches does not disturb it.
        """
        last = ("", "")
        while rows := self._file.execute(
            "SELECT embedder, text_hash FROM vector WHERE (embedder, text_hash) > (?, ?)"
            " ORDER BY embedder, text_hash LIMIT ?",
            (*last, _MOST_PARAMETERS),
        ).fetchall():
            yield [hash for _, hash in rows]
            last = rows[-1]

    def forget(self, text_hashes: Collection[str]) -> int:
        """Removes the vectors of these texts, of every embedder, durably; returns how many there were."""
        forgotten = 0
        for embedder in self._embedders():
            for some in _batches(list(text_hashes)):
                marks = ",".join("?" * len(some))
                forgotten += self._file.execute(
                    f"DELETE FROM vector WHERE embedder = ? AND text_hash IN ({marks})", (embedder, *some)
                ).rowcount
        return forgotten

    def forget_all(self) -> bool:
        """Removes every vector of every embedder, for good; false while others are in the way."""
        self._file.execute("DELETE FROM vector")
        return self.scrub()

    def settle(self) -> bool:
        """Brings the log beside the file into it and empties it; false while a reader still needs the log."""
        busy, _, _ = self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def scrub(self) -> bool:
        """Writes the file anew, so that no byte of what was forgotten is left; false while others are using it.

        Overwriting what is deleted is not enough: SQLite leaves pieces behind where it moved rows between pages.
        It costs the whole file once, and as much room on the disk meanwhile.
        """
        try:
            self._file.execute("VACUUM")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return False
            raise LockgateError(
                f"the vector cache cannot be written anew ({error})",
                where=str(self._path),
                state="What was to be forgotten is, but pieces of it may be left in the file",
                next_step="See that the disk has room for it twice, then run this again",
            ) from error
        return self.settle()

    def close(self) -> None:
        self._file.close()

    def _embedders(self) -> Iterator[str]:
        last = ""
        while (
            row := self._file.execute(
                "SELECT min(embedder) FROM vector WHERE embedder > ?", (last,)
            ).fetchone()
        ) != (None,):
            last = row[0]
            yield last

    def _select(self, columns: str, hashes: Sequence[str]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(hashes))
        return self._file.execute(
            f"SELECT {columns} FROM vector WHERE embedder = ? AND text_hash IN ({marks})",
            (self._fingerprint, *hashes),
        )


def _batches(items: list[str]) -> Iterable[list[str]]:
    return (items[i : i + _MOST_PARAMETERS] for i in range(0, len(items), _MOST_PARAMETERS))
