"""Memberships that take effect at once, and are written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlmodel import Session, col

from rag.catalog import raise_access_epoch, replace_memberships
from rag.catalog.tables import Directory, Membership
from rag.releases import ledger
from rag.releases.ledger import Entry


def sync_memberships(
    session: Session,
    origin: str,
    members_of: Mapping[str, AbstractSet[str]],
    *,
    observed_at: datetime | None = None,
    max_age: timedelta | None = None,
) -> bool:
    """``replace_memberships``; a change is an entry in the ledger, which names nobody."""
    if not replace_memberships(session, origin, members_of, observed_at=observed_at, max_age=max_age):
        return False
    pairs = sorted([group, member] for group, members in members_of.items() for member in members)
    digest = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
    ledger.append(
        session,
        Entry(
            "members",
            reasons=[f"{origin} has other members: {len(members_of)} groups, {len(pairs)} memberships"],
            details={"origin": origin, "digest": digest},
        ),
    )
    return True


def forget_directories(session: Session, *, keep: AbstractSet[str]) -> list[str]:
    """Takes away what directories said, all but ``keep``; returns their names."""
    heard = set(session.scalars(select(col(Directory.name)))) | set(
        session.scalars(select(col(Membership.origin)).distinct())
    )
    gone = sorted(heard - keep)
    for name in gone:
        sync_memberships(session, name, {})
        session.execute(delete(Directory).where(col(Directory.name) == name))
    if gone:
        raise_access_epoch(session)
    return gone
