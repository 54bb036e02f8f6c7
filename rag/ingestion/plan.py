"""A source's listing against the catalog: what is new, changed, gone, or under another rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session, col

from rag.catalog import utcnow
from rag.catalog.revisions import close_revisions, next_version
from rag.catalog.tables import Document, DocumentState, Source
from rag.errors import SourceEmptyError, SourceError
from rag.ingestion.breaker import Breaker, Loss
from rag.ingestion.counts import DocumentCounts
from rag.ingestion.port import Listed
from rag.ingestion.rules import HELD, Defaults, apply_rules
from rag.releases import promoted, withdraw_deleted

NO_RULE = "no access rule covers it, and the source's default is deny: nobody may read it"

NOT_READ_YET = "it is listed again, and has not been read yet: the next ingest does it"


@dataclass
class SourcePlan:
    """What one listing asks for. ``work`` are the documents to fetch; everything else is done.

    ``held`` says why the rest of the listing must wait for a person. Changed rules have taken effect even so;
    nothing else has been touched, and there is no work.
    """

    source: str
    counts: DocumentCounts = field(default_factory=DocumentCounts)
    work: list[Listed] = field(default_factory=list)
    held: SourceError | None = None


def plan_source(
    session: Session,
    source: str,
    listing: Iterable[Listed],
    *,
    defaults: Defaults,
    pipeline: str,
    breaker: Breaker,
) -> SourcePlan:
    """Applies what needs no content (rules, deletions, what the listing itself keeps out) and plans the rest.

    Rules take effect at once, on every version. Deletions belong to the next version, unless there are more of
    them than ``breaker`` lets through: then the plan is ``held``. ``pipeline`` is the digest of parser and
    chunker.

    Raises ``SourceEmptyError`` where the listing is empty and the catalog has nothing of the source either.
    """
    known = {row.external_id: row for row in session.execute(_KNOWN.where(col(Document.source) == source))}
    listed = list(listing)
    plan = SourcePlan(source)
    held = [row for row in known.values() if row.state in HELD]
    here = {entry.id for entry in listed}
    gone = [row.id for row in held if row.external_id not in here]
    if not listed and not held:
        raise SourceEmptyError(
            "the source lists no document",
            where=source,
            state="Nothing was changed",
            next_step="Check its settings in lockgate.yaml (path, include, exclude)",
        )
    loss = Loss(len(gone), len(held), len(listed))
    plan.held = breaker.objection(source, loss)
    plan.counts.seen = len(listed)
    applied = apply_rules(session, source, listed, defaults=defaults, breaker=breaker)
    plan.counts.access_changed = applied.changed
    plan.held = plan.held or applied.held
    kept_out: list[tuple[Listed, Row[Any] | None, str]] = []
    returned: list[int] = []
    for entry in listed:
        row = known.get(entry.id)
        rule = defaults.rule_of(entry)
        purged = row is not None and row.state == DocumentState.PURGED
        if row is not None and row.state == DocumentState.DELETED:
            returned.append(row.id)
        if plan.held is not None:
            continue
        if purged:
            plan.counts.quarantined += 1
        elif rule is None:
            kept_out.append((entry, row, entry.problem or NO_RULE))
            plan.counts.quarantined += 1
        elif row is not None and _is_done(row, entry, pipeline):
            plan.counts.unchanged += row.state == DocumentState.ACTIVE
            plan.counts.quarantined += row.state == DocumentState.QUARANTINED
            if row.uri != entry.uri:
                session.execute(update(Document).where(col(Document.id) == row.id).values(uri=entry.uri))
        else:
            plan.work.append(entry)
    _return(session, returned)
    if plan.held is not None:
        return plan
    for entry, row, reason in kept_out:
        _keep_out(session, source, entry, row, reason)
    _delete(session, gone)
    plan.counts.deleted = len(gone)
    now = promoted(session) if gone else None
    if now is not None:
        withdraw_deleted(session, now.version)
    breaker.record(session, source, loss)
    session.merge(Source(name=source, listed_at=utcnow(), incident=None))
    return plan


_KNOWN = select(
    col(Document.id),
    col(Document.external_id),
    col(Document.state),
    col(Document.fingerprint),
    col(Document.pipeline),
    col(Document.uri),
)


def _is_done(row: Row[tuple[object, ...]], entry: Listed, pipeline: str) -> bool:
    return row.state in HELD and row.fingerprint == entry.fingerprint and row.pipeline == pipeline


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
    session.execute(
        update(Document)
        .where(col(Document.id) == row.id)
        .values(state=DocumentState.QUARANTINED, reason=reason, fingerprint="", pipeline="")
    )
    close_revisions(session, [row.id], next_version(session))


def _return(session: Session, documents: list[int]) -> None:
    """Notes that deleted documents are listed again, before they are read: nothing withdraws them any more."""
    for start in range(0, len(documents), 500):
        session.execute(
            update(Document)
            .where(col(Document.id).in_(documents[start : start + 500]))
            .values(state=DocumentState.QUARANTINED, reason=NOT_READ_YET, fingerprint="", pipeline="")
        )


def _delete(session: Session, documents: list[int]) -> None:
    for start in range(0, len(documents), 500):
        session.execute(
            update(Document)
            .where(col(Document.id).in_(documents[start : start + 500]))
            .values(state=DocumentState.DELETED, reason=None)
        )
    close_revisions(session, documents, next_version(session))
