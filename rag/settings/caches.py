"""What readers keep in memory."""

from __future__ import annotations

from pydantic import Field

from rag.settings.base import Section, Whole


class Caches(Section):
    """Caches of each process that searches; every change of access empties them."""

    queries: Whole = Field(
        1000, ge=0, le=1_000_000, description="Distinct searches whose ids and scores are kept; 0 for none."
    )
