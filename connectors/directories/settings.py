"""What can be set for each format of export."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from connectors.directories.export import MAX_BYTES

_ATTRIBUTE = r"^[A-Za-z][A-Za-z0-9-]*$"


class ExportOptions(BaseModel):
    """What every format has."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ignore_unknown: bool = Field(
        False,
        description="Whether members that are not in the export are left out; a deny of the group does not hit"
        " them then. Else such an export is refused.",
    )
    max_bytes: int = Field(MAX_BYTES, ge=1, description="The largest export that is read, in bytes.")
    observed_at: AwareDatetime | None = Field(
        None, description="When the export was made; the file's modification time if left out."
    )


class ScimOptions(ExportOptions):
    """SCIM 2.0 in JSON: which attributes name users and groups."""

    user: Literal["userName", "emails"] = Field(
        "userName", description="What names a user; of emails the primary one."
    )
    group: Literal["displayName", "id", "externalId"] = Field(
        "displayName", description="What names a group."
    )


class LdifOptions(ExportOptions):
    """LDIF: which attributes name users and groups."""

    user: str = Field("uid", pattern=_ATTRIBUTE, description="What names a user: uid, mail, sAMAccountName.")
    group: str = Field("cn", pattern=_ATTRIBUTE, description="What names a group.")
