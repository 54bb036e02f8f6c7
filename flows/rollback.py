"""Rolling back: one move of the pointer, without Prefect, so that it works when little else does."""

from __future__ import annotations

from typing import Any

from rag.composition import index_store, open_catalog
from rag.releases import roll_back
from rag.settings import Settings


def roll_back_project(settings: Settings, *, to: int | None, by: str | None = None) -> dict[str, Any]:
    """Moves the pointer back and returns ``{"from", "to"}``; the target is opened first, to see that it can be."""
    catalog = open_catalog(settings, migrate=False)
    try:
        with catalog.write() as session:
            was, now = roll_back(session, to=to, by=by)
            index_store(settings).open(now).close()
    finally:
        catalog.close()
    return {"from": was, "to": now}
