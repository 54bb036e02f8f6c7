"""What an audit of access finds of one document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """A document that is readable by other principals than it should be, by the catalog or by the index.

    ``too_many`` are the principals by which somebody could read it and may not: an over-grant. ``missing`` are
    those by which somebody may and could not: an under-grant. One document can be both.
    """

    document: str
    """``<source>/<id>``"""
    place: Literal["catalog", "index"]
    too_many: frozenset[str]
    missing: frozenset[str]
    repaired: bool
    done: str
    """What was done, or why nothing was, as a sentence."""
    versions: tuple[int, ...] = ()
    """Where it was found, for the index; the catalog's rule holds on every version."""
    changed_at: datetime | None = None
    """When the source changed who may read it, where it says so."""
