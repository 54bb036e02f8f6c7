"""One configured source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rag.access import EVERYBODY, NOBODY, AccessRule, principal
from rag.errors import PrincipalError
from rag.settings.base import NAME_PATTERN, Duration, LocatedError, Real, Section, within
from rag.settings.cron import cron


def _default_access(value: object) -> object:
    if isinstance(value, str) and value in ("deny", "public"):
        return str(value)
    if not isinstance(value, list | tuple):
        raise ValueError("expected deny, public or a list of principals")
    for index, entry in enumerate(value):
        try:
            principal(entry)
        except PrincipalError as error:
            # The error of the cause quotes the value, which may come from the environment.
            text = "not a principal; write user:NAME, group:NAME or public"
            raise LocatedError(text, (index,)) from error
    return tuple(sorted({str(entry) for entry in value}))


class SourceAccess(Section):
    """Who may read documents that carry no rule of their own."""

    default: Annotated[Literal["deny", "public"] | tuple[str, ...], BeforeValidator(_default_access)] = Field(
        "deny", description="deny: nobody; public: everybody; or a list of principals who may read."
    )

    max_unruled_share: Real = Field(
        0.2,
        ge=0,
        le=1,
        description="The share, from 0 to 1, of the documents with a rule of their own that may lose it at once and"
        " fall to the default; more is held for a person, unless the default is deny.",
    )
    tenant: str | None = Field(
        None,
        pattern=NAME_PATTERN,
        max_length=64,
        description="The tenant that all documents are for: nobody else may read them, whatever their rules say.",
    )

    groups_max_age: Annotated[Duration, within("1m", "365d")] | None = Field(
        None,
        description="How old the groups may become that the source itself knows, such as 24h; no limit if left"
        " out.",
    )

    @property
    def rule(self) -> AccessRule:
        """The rule of a document whose source states none."""
        if self.default == "deny":
            return NOBODY
        return EVERYBODY if self.default == "public" else AccessRule.of(self.default)


class Freshness(Section):
    """How far a source may lag behind."""

    max_lag: Annotated[Duration, within("1s", "3650d")] | None = Field(
        None, description="The longest time since the last good ingest, such as 24h; no limit if left out."
    )


class Deletions(Section):
    """How much of a source may vanish before a person must look."""

    max_share: Real = Field(
        0.2,
        ge=0,
        le=1,
        description="The share of its documents that one ingest may delete, from 0 to 1; more is held for a"
        " person, and so is a source that lists nothing.",
    )


class Source(Section):
    """One origin of documents. Keys that are not listed here are the connector's own: ``options``."""

    name: str = Field(
        pattern=NAME_PATTERN, max_length=64, description="Unique; the first part of every document's id."
    )
    connector: str = Field(min_length=1, max_length=64, description="Which connector reads it.")
    access: SourceAccess = Field(SourceAccess(), description="Who may read documents that carry no rule.")
    freshness: Freshness = Field(Freshness(), description="How far it may lag behind.")
    deletions: Deletions = Field(Deletions(), description="How much of it may vanish at once.")
    owner: str | None = Field(None, min_length=1, max_length=256, description="Whom to ask about it.")
    schedule: Annotated[str, AfterValidator(cron)] | None = Field(
        None, description="When it is ingested: five cron fields; by hand only if left out."
    )
    options: Mapping[str, object] = Field({}, description="The connector's own settings, checked by it.")

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        # A key named "options" is the connector's business as well, so it goes one level down like any other.
        own = cls.model_fields.keys() - {"options"}
        gathered: dict[str, object] = {key: value for key, value in data.items() if key in own}
        gathered["options"] = {key: value for key, value in data.items() if key not in own}
        return gathered
