"""Rules and memberships in the catalog. Every change of either raises the access epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from rag.access import AccessRule, AccessView
from rag.catalog.columns import utcnow
from rag.catalog.tables import AccessRuleRow, Counter, Membership

EPOCH = "access_epoch"
ERASED = "erased"


def access_epoch(connection: Connection) -> int:
    """The present epoch; 0 before the first change."""
    return connection.scalar(select(col(Counter.value)).where(col(Counter.name) == EPOCH)) or 0


def raise_access_epoch(session: Session) -> None:
    """Tells every reader that what it knows of access is old."""
    _count(session, EPOCH)


def note_erased(session: Session) -> None:
    """Tells every reader that what it has open of the index holds documents that were erased since."""
    _count(session, ERASED)


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
    new = AccessRuleRow(digest=rule.digest, allow=sorted(rule.allow), deny=sorted(rule.deny))
    session.add(new)
    session.flush()
    raise_access_epoch(session)
    assert new.id is not None
    return new.id


def replace_memberships(session: Session, origin: str, members_of: Mapping[str, AbstractSet[str]]) -> bool:
    """Makes the memberships from ``origin`` exactly ``{group: members}``. Returns whether anything changed."""
    wanted = {(member, group) for group, members in members_of.items() for member in members}
    rows = session.scalars(select(Membership).where(col(Membership.origin) == origin)).all()
    present = {(row.member, row.group): row for row in rows}
    for pair, row in present.items():
        if pair not in wanted:
            session.delete(row)
    session.flush()
    now = utcnow()
    for member, group in sorted(wanted - present.keys()):
        session.merge(Membership(member=member, group=group, origin=origin, observed_at=now))
    changed = wanted != present.keys()
    if changed:
        raise_access_epoch(session)
    return changed


def load_access(connection: Connection) -> AccessView:
    """Everything known of access, in the connection's transaction, so at one moment."""
    rules = {
        row.id: AccessRule(frozenset(row.allow), frozenset(row.deny))
        for row in connection.execute(
            select(col(AccessRuleRow.id), col(AccessRuleRow.allow), col(AccessRuleRow.deny))
        )
    }
    groups_of: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(col(Membership.member), col(Membership.group))):
        groups_of[row.member].add(row.group)
    return AccessView(access_epoch(connection), rules, dict(groups_of))
