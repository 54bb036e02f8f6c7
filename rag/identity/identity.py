"""Who asks, as a token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a verified token says is asking, until when."""

    principal: str
    """``user:…``"""
    also: frozenset[str]
    """Further ones that the token asserts: its groups, ``group:…``, and its tenant, ``tenant:…``."""
    expires_at: datetime
    """The token's own ``exp``, in UTC, without leeway: what outlives a call has to look at it again."""
