"""What is kept of who asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from rag.settings.base import Duration, Section, within


class AccessLog(Section):
    """The access log: a line for every search of an application, in ``access-log`` in the state folder."""

    enabled: bool = Field(True, description="Whether it is kept. What cannot be noted down is not answered.")
    questions: Literal["none", "digest", "text"] = Field(
        "digest", description="How the question is kept: not at all, as a keyed digest, or as it was asked."
    )
    retention: Annotated[Duration, within("1d", "3650d")] = Field(
        timedelta(days=90), description="How long a day's file is kept."
    )
