"""What a reader may see of a version, worked out once for every change of access, and kept."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from rag.access import AccessView, Subject
from rag.catalog import Catalog, load_access, utcnow
from rag.index import IndexQuery, Visibility
from rag.index.term_counts import TermCounts, VisibleCounts
from rag.retrieval import reads
from rag.retrieval.statistics import Statistics

_SCOPES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """What one reader may see of one version. ``counts`` are None where the terms of the version are not known."""

    view: AccessView
    moved: _Moved
    visibility: Visibility
    counts: VisibleCounts | None

    def query(self, query: IndexQuery) -> IndexQuery:
        """``query`` with the IDF of its terms over what is visible, which the engine then need not work out."""
        if query.sparse is None or self.counts is None:
            return query
        return replace(query, sparse=self.counts.weighted(query.sparse), weighted=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """The documents of a version whose rule in force is not the one that its points carry, as of an epoch."""

    epoch: int
    rules: dict[int, int | None]
    counts: tuple[TermCounts, ...] | None


class Scopes:
    """Safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._statistics = Statistics()
        self._lock = threading.Lock()
        self._view: AccessView | None = None
        self._moved: dict[int, _Moved] = {}
        self._scopes: dict[tuple[int, Subject], Scope] = {}  # in order of making

    def view(self, epoch: int) -> AccessView:
        """What is known of access, as of ``epoch`` or later, by directories that are not too old."""
        view = self._view
        if view is None or view.epoch < epoch or view.expires_at <= utcnow():
            with self._catalog.connect() as connection:
                view = load_access(connection, view)
            with self._lock:
                if self._view is None or self._view.epoch <= view.epoch:
                    self._view = view
        return view

    def of(self, version: int, bm25: str, *, epoch: int, subject: Subject) -> Scope:
        """What ``subject`` may see of ``version``, as of ``epoch`` or later. ``bm25`` is the fingerprint of
        the encoder that made its terms."""
        view = self.view(epoch)
        moved = self._moved_in(version, bm25, view.epoch)
        scope = self._scopes.get((version, subject))
        if scope is None or scope.view is not view or scope.moved is not moved:
            scope = _scope(view, moved, subject)
            with self._lock:
                while len(self._scopes) >= _SCOPES_KEPT:
                    self._scopes.pop(next(iter(self._scopes)))
                self._scopes[version, subject] = scope
        return scope

    def _moved_in(self, version: int, bm25: str, epoch: int) -> _Moved:
        known = self._moved.get(version)
        if known is None or known.epoch < epoch:
            with self._catalog.connect() as connection:
                epoch = reads.moment(connection).epoch
                rules = reads.moved_documents(connection, version)
                known = _Moved(epoch, rules, self._statistics.layers(connection, version, bm25, rules))
            with self._lock:
                self._moved[version] = known
        return known


def _scope(view: AccessView, moved: _Moved, subject: Subject) -> Scope:
    rules = view.visible(subject)
    granted = frozenset(id for id, rule in moved.rules.items() if view.may_read(subject, rule))
    counts = None if moved.counts is None else VisibleCounts(moved.counts, rules)
    return Scope(view, moved, Visibility(rules, frozenset(moved.rules), granted), counts)
