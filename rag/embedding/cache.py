"""The vector cache: what was embedded once is never embedded again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from rag.embedding.port import Vectors

_MOST_PARAMETERS = 500


class VectorCache:
    """Vectors by embedder fingerprint and text hash, in one SQLite file. Every ``put`` is durable and whole.

    Not shared between threads; several processes may hold the same file open.
    """

    def __init__(self, path: Path, *, fingerprint: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fingerprint = fingerprint
        self._file = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
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

    def close(self) -> None:
        self._file.close()

    def _select(self, columns: str, hashes: Sequence[str]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(hashes))
        return self._file.execute(
            f"SELECT {columns} FROM vector WHERE embedder = ? AND text_hash IN ({marks})",
            (self._fingerprint, *hashes),
        )


def _batches(items: list[str]) -> Iterable[list[str]]:
    return (items[i : i + _MOST_PARAMETERS] for i in range(0, len(items), _MOST_PARAMETERS))
