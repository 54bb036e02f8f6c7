"""One configured directory of groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from rag.settings.base import NAME_PATTERN, Duration, ResolvedPath, Section, Whole, within


class Directory(Section):
    """An export of who is in which group. What it last said holds until it is ``max_age`` old."""

    name: str = Field(pattern=NAME_PATTERN, max_length=64, description="Unique; what messages call it.")
    format: Literal["scim", "ldif"] = Field(
        description="scim: SCIM 2.0 resources as JSON; ldif: entries as LDAP directories export them."
    )
    path: ResolvedPath = Field(description="The file; its modification time is the moment it speaks of.")
    max_age: Annotated[Duration, within("1m", "365d")] = Field(
        timedelta(hours=24), description="How old it may become, such as 24h."
    )
    user: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="The attribute that names a user. scim: userName (if left out) or emails; ldif: any, uid if"
        " left out.",
    )
    group: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="The attribute that names a group. scim: displayName (if left out), id or externalId; ldif:"
        " any, cn if left out.",
    )
    ignore_unknown: bool = Field(
        False,
        description="Whether members that are not in the file are left out; a deny of the group does not hit"
        " them then. Else such a file is refused.",
    )
    max_bytes: Whole = Field(
        256 * 1024 * 1024, ge=1, le=64 * 1024**3, description="The largest file that is read, in bytes."
    )

    @property
    def options(self) -> dict[str, object]:
        """What the reader of the format is told: the attributes that are named, and the limits."""
        named = {"user": self.user, "group": self.group}
        given: dict[str, object] = {key: value for key, value in named.items() if value is not None}
        return {**given, "ignore_unknown": self.ignore_unknown, "max_bytes": self.max_bytes}
