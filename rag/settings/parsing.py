"""The parser."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from rag.settings.base import Duration, Section, Whole


class Parsing(Section):
    """What one document may cost before it is quarantined."""

    timeout: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(hours=6))] = Field(
        timedelta(seconds=60), description="The longest time for one document, such as 60s."
    )
    max_bytes: Whole = Field(
        50 * 1024 * 1024, ge=1, le=10 * 1024**3, description="The largest document, in bytes."
    )
