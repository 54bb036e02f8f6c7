"""When the access rules of sources and the memberships of directories are looked after."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from rag.settings.access_log import AccessLog
from rag.settings.base import Section
from rag.settings.cron import cron


class AccessSync(Section):
    """Applying changed rules and memberships."""

    schedule: Annotated[str, AfterValidator(cron)] | None = Field(
        "*/5 * * * *", description="When it runs: five cron fields; by hand only if null."
    )


class Access(Section):
    """What keeps access as the sources and directories say, and the log of it."""

    sync: AccessSync = Field(AccessSync(), description="Applying what changed there.")
    log: AccessLog = Field(AccessLog(), description="What is kept of who asked.")
