"""The parser."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from rag.settings.base import Duration, Section, Whole, within


class Parsing(Section):
    """What one document may cost before it is quarantined."""

    timeout: Annotated[Duration, within("1s", "6h")] = Field(
        timedelta(seconds=60), description="The longest time for one document, such as 60s."
    )
    max_bytes: Whole = Field(
        50 * 1024 * 1024, ge=1, le=10 * 1024**3, description="The largest document, in bytes."
    )
