"""The cache of judgements: what was judged once is not asked and not paid again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from itertools import islice
from pathlib import Path

from evals.judges.port import Case, Judge, JudgeFailure, Judgement
from rag.answering.port import Usage
from rag.errors import EvaluationError

_BATCH = 64
_MOST_PARAMETERS = 500
_BUSY_SECONDS = 30


class JudgementCache:
    """Scores by a digest of judge and case, in one SQLite file without text. Every ``put`` is durable and whole.

    Shared between threads; several processes may hold the same file open. Raises ``EvaluationError`` if the file
    is not such a cache.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS judgement (key TEXT PRIMARY KEY, scores TEXT NOT NULL) WITHOUT ROWID"
            )
        except sqlite3.DatabaseError as error:
            self._file.close()
            raise EvaluationError(
                f"the cache of judgements cannot be opened ({error})",
                where=str(path),
                next_step="If the file is not whole, remove it: it is filled anew, at the price of judging again.",
            ) from error

    def get(self, keys: Collection[str]) -> dict[str, dict[str, float]]:
        """The scores of those of ``keys`` that are cached."""
        found: dict[str, dict[str, float]] = {}
        for some in _batches(keys, _MOST_PARAMETERS):
            query = f"SELECT key, scores FROM judgement WHERE key IN ({','.join('?' * len(some))})"
            with self._lock:
                rows = self._file.execute(query, some).fetchall()
            found |= {key: json.loads(scores) for key, scores in rows}
        return found

    def put(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Stores scores by key. Those that are there already stay."""
        rows = [(key, json.dumps(dict(values))) for key, values in scores.items()]
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                self._file.executemany("INSERT OR IGNORE INTO judgement VALUES (?, ?)", rows)
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._file.close()


class CachedJudge:
    """``judge``, asked only for what ``cache`` lacks: a judgement from there took nothing, and its usage says so.

    Failures are not kept: they are tried again. What was judged is kept every 64 cases, so that a run that dies
    pays again for no more than those. ``hits`` counts the judgements that were not asked for. Closes nothing.
    """

    def __init__(self, judge: Judge, cache: JudgementCache) -> None:
        self._judge = judge
        self._cache = cache
        self.hits = 0

    @property
    def name(self) -> str:
        return self._judge.name

    @property
    def fingerprint(self) -> str:
        return self._judge.fingerprint

    @property
    def metrics(self) -> tuple[str, ...]:
        return self._judge.metrics

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        keys = [judgement_key(self.fingerprint, case) for case in cases]
        cached = self._cache.get(set(keys))
        asked = self._ask({key: case for key, case in zip(keys, cases, strict=True) if key not in cached})
        verdicts: list[Judgement | JudgeFailure] = []
        told: set[str] = set()
        for key in keys:
            verdict = Judgement(cached[key]) if key in cached else asked[key]
            free = key in cached or key in told
            self.hits += free and isinstance(verdict, Judgement)
            verdicts.append(replace(verdict, usage=Usage()) if free else verdict)
            told.add(key)
        return verdicts

    def _ask(self, lacking: Mapping[str, Case]) -> dict[str, Judgement | JudgeFailure]:
        asked: dict[str, Judgement | JudgeFailure] = {}
        for keys in _batches(lacking, _BATCH):
            verdicts = dict(zip(keys, self._judge.judge([lacking[key] for key in keys]), strict=True))
            self._cache.put({key: one.scores for key, one in verdicts.items() if isinstance(one, Judgement)})
            asked |= verdicts
        return asked


def judgement_key(fingerprint: str, case: Case) -> str:
    """SHA-256, in hex, of who judges and of all that is judged."""
    return hashlib.sha256(json.dumps([fingerprint, *astuple(case)]).encode()).hexdigest()


def _batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(keys)
    while some := list(islice(rest, size)):
        yield some
