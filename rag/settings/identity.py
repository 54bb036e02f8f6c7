"""Whose tokens say who asks, and what in them says it."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from rag.settings.base import Duration, LocatedError, Section, resolved, within

# Asymmetric ones alone: with a shared secret, or with none, whoever can check a token can also make one.
Algorithm: TypeAlias = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
ClaimName: TypeAlias = Annotated[str, Field(pattern=r"^\S+$", max_length=256)]


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _jwks(text: str, info: ValidationInfo) -> str:
    if "://" not in text:
        return str(resolved(Path(text), info))
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "") if (parts.port or 1) > 0 else ""
        login = parts.username is not None or parts.password is not None
        plain = text.isascii() and text.isprintable() and " " not in text and not parts.fragment
    except ValueError:
        host, login, plain = "", False, False
    if not plain or not host or parts.scheme not in ("http", "https"):
        raise ValueError("expected a file, or a URL such as https://login.acme.example/keys")
    if login:
        raise ValueError("a URL holds no user name or password")
    if parts.scheme == "http" and not _loopback(host):
        raise ValueError("expected https: over http anyone on the way can give keys of their own")
    return text


class Claims(Section):
    """Which claims say who asks. Each is the name of a claim or a path to it, such as ``realm_access.roles``."""

    user: ClaimName = Field(description="One name: ada@acme.example there is user:ada@acme.example here.")
    groups: ClaimName | None = Field(
        None, description="A list of names: eng there is group:eng here; tokens say no groups if left out."
    )
    tenant: ClaimName | None = Field(
        None, description="One name: acme there is tenant:acme here; tokens say no tenant if left out."
    )


class Oidc(Section):
    """The OpenID Connect issuer whose tokens say who asks, and how its tokens are checked."""

    issuer: str = Field(min_length=1, max_length=2048, description="What the claim iss says, to the letter.")
    audience: str = Field(
        min_length=1, max_length=2048, description="This application, as the claim aud names it."
    )
    jwks: Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_jwks)] = Field(
        description="The issuer's public keys, a JSON web key set: an https URL (http only on this machine) or a"
        " file; a relative one starts at lockgate.yaml."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        ("RS256", "ES256", "EdDSA"), min_length=1, description="What tokens may be signed with."
    )
    leeway: Annotated[Duration, within("0s", "5m")] = Field(
        timedelta(seconds=30), description="How far the issuer's clock may be from ours."
    )
    claims: Claims = Field(description="Which claims say who asks.")
    max_age: Annotated[Duration, within("1s", "7d")] = Field(
        timedelta(hours=1), description="How old the keys may be before they are fetched anew."
    )
    grace: Annotated[Duration, within("0s", "7d")] = Field(
        timedelta(0),
        description="How much older they may be while they cannot be fetched; then no token is taken.",
    )
    min_refresh: Annotated[Duration, within("1s", "1h")] = Field(
        timedelta(seconds=30),
        description="The shortest time between two fetches, however many tokens name an unknown key.",
    )

    @model_validator(mode="after")
    def _fetched_in_time(self) -> Self:
        if self.min_refresh > self.max_age:
            raise LocatedError(
                "expected at most max_age: keys that are too old could not be fetched", ("min_refresh",)
            )
        return self
