"""A source's listing against the catalog: what is new, changed, gone, or under another rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Row, select, update
from sqlmodel import Session, col

from rag.access import AccessRule
from rag.catalog import raise_access_epoch, rule_id, utcnow
from rag.catalog.tables import Document, DocumentState, Source
from rag.errors import SourceEmptiedError, SourceEmptyError
from rag.ingestion.counts import DocumentCounts
from rag.ingestion.port import Listed
from rag.ingestion.revisions import close_revisions, next_version

NO_RULE = "no access rule covers it, and the source's default is deny: nobody may read it"


@dataclass
class SourcePlan:
    """What one listing asks for. ``work`` are the documents to fetch; everything else is done."""

    source: str
    counts: DocumentCounts = field(default_factory=DocumentCounts)
    work: list[Listed] = field(default_factory=list)


def plan_source(
    session: Session, source: str, listing: Iterable[Listed], *, default: AccessRule | None, pipeline: str
) -> SourcePlan:
    """Applies what needs no content (rules, deletions, what the listing itself keeps out) and plans the rest.

    Rules take effect at once, on every version. Deletions belong to the next version. ``default`` is the rule
    for documents that carry none; None denies. ``pipeline`` is the digest of parser and chunker.

    Raises ``SourceEmptyError`` or ``SourceEmptiedError`` where the listing is empty, before anything is changed.
    """
    known = {row.external_id: row for row in session.execute(_KNOWN.where(col(Document.source) == source))}
    listed = list(listing)
    if not listed:
        _refuse_empty(source, known.values())
    plan = SourcePlan(source)
    rules = _RuleIds(session)
    moved: dict[int, int | None] = {}
    for entry in listed:
        plan.counts.seen += 1
        row = known.pop(entry.id, None)
        rule = (entry.access or default) if entry.problem is None else None
        wanted = rules.id(rule)
        if row is not None and row.rule_id != wanted and row.state != DocumentState.PURGED:
            moved[row.id] = wanted
            plan.counts.access_changed += 1
        if rule is None:
            _keep_out(session, source, entry, row, entry.problem or NO_RULE)
            plan.counts.quarantined += 1
        elif row is not None and row.state == DocumentState.PURGED:
            plan.counts.quarantined += 1
        elif row is not None and _is_done(row, entry, pipeline):
            plan.counts.unchanged += row.state == DocumentState.ACTIVE
            plan.counts.quarantined += row.state == DocumentState.QUARANTINED
            if row.uri != entry.uri:
                session.execute(update(Document).where(col(Document.id) == row.id).values(uri=entry.uri))
        else:
            plan.work.append(entry)
    _move(session, moved)
    gone = [
        row.id for row in known.values() if row.state in (DocumentState.ACTIVE, DocumentState.QUARANTINED)
    ]
    _delete(session, gone)
    plan.counts.deleted = len(gone)
    session.merge(Source(name=source, listed_at=utcnow(), incident=None))
    return plan


_KNOWN = select(
    col(Document.id),
    col(Document.external_id),
    col(Document.state),
    col(Document.fingerprint),
    col(Document.pipeline),
    col(Document.rule_id),
    col(Document.uri),
)


def _is_done(row: Row[tuple[object, ...]], entry: Listed, pipeline: str) -> bool:
    return (
        row.state in (DocumentState.ACTIVE, DocumentState.QUARANTINED)
        and row.fingerprint == entry.fingerprint
        and row.pipeline == pipeline
    )


def _keep_out(
    session: Session, source: str, entry: Listed, row: Row[tuple[object, ...]] | None, reason: str
) -> None:
    """Quarantines a document without looking at its content. An empty fingerprint has it looked at later."""
    if row is None:
        session.add(
            Document(
                key=f"{source}/{entry.id}",
                source=source,
                external_id=entry.id,
                state=DocumentState.QUARANTINED,
                reason=reason,
                fingerprint="",
                pipeline="",
                uri=entry.uri,
            )
        )
        return
    if row.state == DocumentState.PURGED:
        return
    session.execute(
        update(Document)
        .where(col(Document.id) == row.id)
        .values(state=DocumentState.QUARANTINED, reason=reason, fingerprint="", pipeline="")
    )
    close_revisions(session, [row.id], next_version(session))


def _move(session: Session, moved: dict[int, int | None]) -> None:
    for document, rule in moved.items():
        session.execute(update(Document).where(col(Document.id) == document).values(rule_id=rule))
    if moved:
        raise_access_epoch(session)


def _delete(session: Session, documents: list[int]) -> None:
    for start in range(0, len(documents), 500):
        session.execute(
            update(Document)
            .where(col(Document.id).in_(documents[start : start + 500]))
            .values(state=DocumentState.DELETED, reason=None)
        )
    close_revisions(session, documents, next_version(session))


def _refuse_empty(source: str, known: Iterable[Row[tuple[object, ...]]]) -> None:
    held = sum(row.state == DocumentState.ACTIVE for row in known)
    if held:
        raise SourceEmptiedError(
            f"the source lists no document, and {held} of its documents are in the catalog",
            where=source,
            state="That is treated as an incident, not as a deletion: all of them stay as they are",
            next_step="See what happened at the source, then run lockgate ingest again",
        )
    raise SourceEmptyError(
        "the source lists no document",
        where=source,
        state="Nothing was changed",
        next_step="Check its settings in lockgate.yaml (path, include, exclude)",
    )


class _RuleIds:
    """Rule ids by rule, looked up once a listing."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ids: dict[AccessRule, int] = {}

    def id(self, rule: AccessRule | None) -> int | None:
        if rule is None:
            return None
        if rule not in self._ids:
            self._ids[rule] = rule_id(self._session, rule)
        return self._ids[rule]
