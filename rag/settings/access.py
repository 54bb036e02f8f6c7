"""When the access rules of sources and the memberships of directories are looked after."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from rag.settings.access_log import AccessLog
from rag.settings.base import Section, Whole
from rag.settings.cron import cron


class AccessSync(Section):
    """Applying changed rules and memberships."""

    schedule: Annotated[str, AfterValidator(cron)] | None = Field(
        "*/5 * * * *", description="When it runs: five cron fields; by hand only if null."
    )


class AccessAudit(Section):
    """Comparing catalog and index with what sources say."""

    schedule: Annotated[str, AfterValidator(cron)] | None = Field(
        "30 3 * * *", description="When it runs: five cron fields; by hand only if null."
    )
    sample: Whole = Field(
        200, ge=1, le=1_000_000, description="Documents of each source that a scheduled audit looks at."
    )


class Access(Section):
    """What keeps access as the sources and directories say, and the log of it."""

    sync: AccessSync = Field(AccessSync(), description="Applying what changed there.")
    audit: AccessAudit = Field(AccessAudit(), description="Comparing a sample with what sources say.")
    log: AccessLog = Field(AccessLog(), description="What is kept of who asked.")
