"""Memberships that take effect at once, and are written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from sqlmodel import Session

from rag.catalog import replace_memberships
from rag.releases import ledger
from rag.releases.ledger import Entry


def sync_memberships(session: Session, origin: str, members_of: Mapping[str, AbstractSet[str]]) -> bool:
    """``replace_memberships``; a change is an entry in the ledger, which names nobody."""
    if not replace_memberships(session, origin, members_of):
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
