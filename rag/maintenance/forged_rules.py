"""Rules in the catalog that are not what they are named: somebody changed the row, and a row never changes."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import Session, col

from rag.access import NOBODY, AccessRule
from rag.catalog import put_under, rule_id
from rag.catalog.tables import AccessRuleRow, Document, DocumentState
from rag.releases import ledger
from rag.releases.ledger import Entry

_FORGED = "forged:"


def unmask(session: Session) -> frozenset[int]:
    """The ids of all rules whose principals are not those that their digest is of.

    They lose that digest, so that no document comes under them by it: the rule itself gets another row and id,
    which readers have yet to load, whatever they keep of this one.
    """
    forged = set()
    for row in session.scalars(select(AccessRuleRow)):
        assert row.id is not None
        rule = AccessRule(frozenset(row.allow), frozenset(row.deny), row.tenant)
        if rule.digest != row.digest:
            row.digest = f"{_FORGED}{row.id}"
            forged.add(row.id)
    session.flush()
    return frozenset(forged)


def close_to_all(session: Session, source: str, forged: Collection[int]) -> list[str]:
    """Closes to everybody what is left of a source under forged rules: nothing says any more who may read it.
    Returns the keys."""
    if not forged:
        return []
    rows = session.execute(
        select(col(Document.id), col(Document.key)).where(
            col(Document.source) == source,
            col(Document.rule_id).in_(sorted(forged)),
            col(Document.state) != DocumentState.PURGED,
        )
    ).all()
    if not rows:
        return []
    put_under(session, dict.fromkeys((id for id, _ in rows if id is not None), rule_id(session, NOBODY)))
    keys = sorted(key for _, key in rows)
    ledger.append(
        session,
        Entry(
            "access",
            reasons=[
                f"the rule of {len(keys)} documents of {source} was changed in the catalog, "
                "and the source does not say another"
            ],
            details={"documents": dict.fromkeys(keys, NOBODY.digest)},
        ),
    )
    return keys
