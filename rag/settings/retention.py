"""Which old versions are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from rag.settings.base import Duration, Section, Whole, within


class Retention(Section):
    """The versions that stay beside the promoted one, the candidate and the latest; a sweep takes the others."""

    promoted: Whole = Field(
        3, ge=0, le=1000, description="The last versions that were promoted, the present one counted in."
    )
    younger_than: Annotated[Duration, within("0s", "3650d")] = Field(
        timedelta(days=1), description="Versions sealed so recently stay, whatever became of them."
    )
