"""The term counts of the versions that are searched, worked out from the catalog and kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from rag.catalog.access import BURIED
from rag.catalog.revisions import alive_at, is_readable
from rag.catalog.tables import Counter, Document, Revision
from rag.catalog.tables import RevisionTerms as RevisionTermsRow
from rag.catalog.terms import unpack
from rag.index.term_counts import RevisionTerms, TermCounts

_KEPT = 4


class _Key(NamedTuple):
    version: int
    bm25: str
    buried: int
    """How many documents had been purged: their terms must not count any more."""


class Statistics:
    """Term counts by version. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[_Key, TermCounts | None] = {}  # in order of last use

    def layers(
        self, connection: Connection, version: int, bm25: str, moved: Iterable[int]
    ) -> tuple[TermCounts, ...] | None:
        """What adds up to the counts of ``version`` by the rules that are in force in the connection's
        transaction; ``moved`` are the documents whose rule is another one than their points carry.

        None where the terms of some revision are not known: an earlier release sealed the version.
        """
        buried = connection.scalar(select(col(Counter.value)).where(col(Counter.name) == BURIED)) or 0
        with self._lock:  # one thread works it out, the others wait for it
            base = self._base(connection, _Key(version, bm25, buried))
        if base is None:
            return None
        overlay = _overlay(connection, version, bm25, sorted(moved))
        return None if overlay is None else (base, overlay)

    def _base(self, connection: Connection, key: _Key) -> TermCounts | None:
        if key in self._known:
            counts = self._known.pop(key)
        else:
            counts = self._near(connection, key) or _whole(connection, key)
        self._known[key] = counts
        while len(self._known) > _KEPT:
            self._known.pop(next(iter(self._known)))
        return counts

    def _near(self, connection: Connection, key: _Key) -> TermCounts | None:
        """From a version that is known, at the cost of what changed between them."""
        for known, counts in reversed(self._known.items()):
            # What a version held that retention has taken away since is not known any more.
            if counts is None or known[1:] != key[1:] or not is_readable(connection, known.version):
                continue
            now, then = alive_at(key.version), alive_at(known.version)
            added = _terms(connection, key.bm25, now & ~then)
            removed = _terms(connection, key.bm25, then & ~now)
            if added is not None and removed is not None:
                return counts.plus(TermCounts.of(added, removed))
        return None


def _whole(connection: Connection, key: _Key) -> TermCounts | None:
    found = _terms(connection, key.bm25, alive_at(key.version))
    return None if found is None else TermCounts.of(found)


def _terms(connection: Connection, bm25: str, which: ColumnElement[bool]) -> list[RevisionTerms] | None:
    """Under the rules that their points carry."""
    rows = connection.execute(_select(bm25).where(which)).all()
    if any(packed is None for _, _, _, packed in rows):
        return None
    return [RevisionTerms(rule, chunks, *unpack(packed)) for rule, _, chunks, packed in rows]


def _overlay(connection: Connection, version: int, bm25: str, moved: list[int]) -> TermCounts | None:
    """What takes the documents ``moved`` from the rules that their points carry to those in force."""
    added, removed = [], []
    for start in range(0, len(moved), 500):
        some = col(Revision.document_id).in_(moved[start : start + 500])
        for carried, in_force, chunks, packed in connection.execute(
            _select(bm25).where(alive_at(version), some)
        ):
            if packed is None:
                return None
            removed.append(RevisionTerms(carried, chunks, *unpack(packed)))
            if in_force is not None:
                added.append(RevisionTerms(in_force, chunks, *unpack(packed)))
    return TermCounts.of(added, removed)


def _select(bm25: str) -> Select[Any]:
    known = (col(RevisionTermsRow.revision_id) == col(Revision.id)) & (col(RevisionTermsRow.bm25) == bm25)
    return (
        select(
            col(Revision.indexed_rule_id),
            col(Document.rule_id),
            col(Revision.chunks),
            col(RevisionTermsRow.counts),
        )
        .join(Document, col(Revision.document_id) == col(Document.id))
        .outerjoin(RevisionTermsRow, known)
    )
