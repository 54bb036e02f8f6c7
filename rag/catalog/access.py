"""Rules and memberships in the catalog. Every change of either raises the access epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update
from sqlmodel import Session, col

from rag.access import FOR_EVER, AccessRule, AccessView, Memberships
from rag.catalog.columns import utcnow
from rag.catalog.tables import AccessRuleRow, Counter, Directory, Document, Membership, Revision, RuleChange

EPOCH = "access_epoch"
ERASED = "erased"
BURIED = "buried"
_BATCH = 500

UNTRUSTED = AccessRule(frozenset(), frozenset({"index:untrusted"}))
"""Stands for "nobody knows which rule these points carry". No source can state it, so it is never in force, and
readers judge a document whose points are said to carry it by the document."""


def access_epoch(connection: Connection) -> int:
    """The present epoch; 0 before the first change."""
    return connection.scalar(select(col(Counter.value)).where(col(Counter.name) == EPOCH)) or 0


def raise_access_epoch(session: Session) -> None:
    """Tells every reader that what it knows of access is old."""
    _count(session, EPOCH)


def note_erased(session: Session) -> None:
    """Tells every reader that what it has open of the index holds documents that were erased since."""
    _count(session, ERASED)


def note_buried(session: Session) -> None:
    """Tells every reader that what it has worked out from the catalog's text is good no more: a document is gone,
    or counts under another rule."""
    _count(session, BURIED)


def _count(session: Session, name: str) -> None:
    counter = session.get(Counter, name)
    if counter is None:
        session.add(Counter(name=name, value=1))
    else:
        counter.value += 1


def rule_id(session: Session, rule: AccessRule) -> int:
    """The id of ``rule``, which is stored if it is new. A new rule raises the epoch: readers load it."""
    known = session.scalar(select(col(AccessRuleRow.id)).where(col(AccessRuleRow.digest) == rule.digest))
    if known is not None:
        return known
    new = AccessRuleRow(
        digest=rule.digest, allow=sorted(rule.allow), deny=sorted(rule.deny), tenant=rule.tenant
    )
    session.add(new)
    session.flush()
    raise_access_epoch(session)
    assert new.id is not None
    return new.id


def put_under(session: Session, rule_of: Mapping[int, int | None]) -> None:
    """Puts documents under other rules, ``{document id: rule id}``, at once and on every version; None: nobody."""
    if not rule_of:
        return
    documents_of: dict[int | None, list[int]] = defaultdict(list)
    for document, rule in rule_of.items():
        documents_of[rule].append(document)
    for rule, documents in documents_of.items():
        for start in range(0, len(documents), _BATCH):
            some = col(Document.id).in_(documents[start : start + _BATCH])
            session.execute(update(Document).where(some).values(rule_id=rule))
    note_rules(session, rule_of)
    raise_access_epoch(session)


def note_rules(session: Session, rule_of: Mapping[int, int | None]) -> None:
    """Writes down that from now on these documents are under these rules."""
    now = utcnow()
    rows = [{"document_id": id, "rule_id": rule, "changed_at": now} for id, rule in rule_of.items()]
    session.execute(insert(RuleChange), rows)


def distrust_points(session: Session, revisions: Collection[int]) -> None:
    """From now on readers of every version judge these revisions by the rule in force for their document, whatever
    rule their points carry."""
    ordered = sorted(revisions)
    untrusted = rule_id(session, UNTRUSTED)
    for start in range(0, len(ordered), _BATCH):
        some = col(Revision.id).in_(ordered[start : start + _BATCH])
        session.execute(update(Revision).where(some).values(indexed_rule_id=untrusted))
    if ordered:
        raise_access_epoch(session)
        note_buried(session)


def rule_at(connection: Connection, document_id: int, moment: datetime) -> int | None:
    """The rule that the document was under then; None: nobody could read it, or nothing is known of then."""
    return connection.scalar(
        select(col(RuleChange.rule_id))
        .where(col(RuleChange.document_id) == document_id, col(RuleChange.changed_at) <= moment)
        .order_by(col(RuleChange.id).desc())
        .limit(1)
    )


def replace_memberships(
    session: Session,
    origin: str,
    members_of: Mapping[str, AbstractSet[str]],
    *,
    observed_at: datetime | None = None,
    max_age: timedelta | None = None,
) -> bool:
    """Makes the memberships from ``origin`` exactly ``{group: members}``, as observed at that time (now).

    They are good for ``max_age``; None: for ever. Returns whether anybody's membership has changed.
    """
    wanted = {(member, group) for group, members in members_of.items() for member in members}
    rows = session.scalars(select(Membership).where(col(Membership.origin) == origin)).all()
    present = {(row.member, row.group): row for row in rows}
    for pair, row in present.items():
        if pair not in wanted:
            session.delete(row)
    session.flush()
    observed_at = observed_at or utcnow()
    for member, group in sorted(wanted - present.keys()):
        session.merge(Membership(member=member, group=group, origin=origin, observed_at=observed_at))
    renewed = _heard(session, origin, sorted(members_of), observed_at, max_age)
    changed = wanted != present.keys()
    if changed or renewed:
        raise_access_epoch(session)
    return changed


def _heard(
    session: Session, name: str, groups: list[str], observed_at: datetime, max_age: timedelta | None
) -> bool:
    """Notes it. Returns whether readers must be told: of their own accord they look again when it grows old."""
    seconds = None if max_age is None else int(max_age.total_seconds())
    row = session.get(Directory, name)
    if row is None:
        session.add(Directory(name=name, observed_at=observed_at, max_age_seconds=seconds, groups=groups))
        return seconds is not None
    known_until = _good_until(row.observed_at, row.max_age_seconds)
    row.observed_at, row.max_age_seconds, row.groups = observed_at, seconds, groups
    return _good_until(observed_at, seconds) < known_until or known_until <= utcnow()


def _good_until(observed_at: datetime, max_age_seconds: int | None) -> datetime:
    return FOR_EVER if max_age_seconds is None else observed_at + timedelta(seconds=max_age_seconds)


def load_access(
    connection: Connection, known: AccessView | None = None, *, now: datetime | None = None
) -> AccessView:
    """Everything known of access, in the connection's transaction, so at one moment.

    ``known`` spares the reading of rules that it has: a rule never changes.
    """
    rules = dict(known.rules) if known is not None else {}
    fresh = connection.execute(
        select(
            col(AccessRuleRow.id),
            col(AccessRuleRow.allow),
            col(AccessRuleRow.deny),
            col(AccessRuleRow.tenant),
        ).where(col(AccessRuleRow.id) > max(rules, default=0))
    )
    for row in fresh:
        rules[row.id] = AccessRule(frozenset(row.allow), frozenset(row.deny), row.tenant)
    memberships, expires_at = _memberships(connection, now or utcnow())
    return AccessView(access_epoch(connection), rules, memberships, expires_at)


def _memberships(connection: Connection, now: datetime) -> tuple[Memberships, datetime]:
    """What directories said that are not too old, and when the next of them will be."""
    silent: list[str] = []
    stale: set[str] = set()
    expires_at = FOR_EVER
    for name, observed_at, seconds, groups in connection.execute(
        select(
            col(Directory.name),
            col(Directory.observed_at),
            col(Directory.max_age_seconds),
            col(Directory.groups),
        )
    ):
        until = _good_until(observed_at, seconds)
        if until <= now:
            silent.append(name)
            stale.update(groups)
        else:
            expires_at = min(expires_at, until)
    groups_of: dict[str, set[str]] = defaultdict(set)
    rows = connection.execute(
        select(col(Membership.member), col(Membership.group)).where(col(Membership.origin).not_in(silent))
    )
    for member, group in rows:
        groups_of[member].add(group)
    return Memberships(dict(groups_of), frozenset(stale)), expires_at
