"""What the claims of a verified token say: nothing in them is guessed, repaired or cut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from rag.access import principal
from rag.errors import PrincipalError, TokenError
from rag.identity.identity import Identity
from rag.settings import Claims

MOST_GROUPS = 10_000


def identity_of(claims: Mapping[str, object], names: Claims, expires_at: datetime) -> Identity:
    """The user, the groups and the tenant that ``claims`` assert, by the ``names`` of their claims.

    Raises ``TokenError``, which holds no value of a claim, where one is missing, is not of its kind, is not
    verified, was left out by the issuer, or holds a name that no principal can have.
    """
    also: set[str] = set()
    if names.groups is not None:
        also |= _groups(claims, names.groups)
    if names.tenant is not None:
        also.add(_named("tenant", _found("tenant", claims, names.tenant)[0]))
    return Identity(_user(claims, names.user), frozenset(also), expires_at)


def _user(claims: Mapping[str, object], path: str) -> str:
    name, beside = _found("user", claims, path)
    if re.split("[./]", path)[-1] == "email":
        for place in (beside, claims):
            # Some issuers write the boolean as text.
            verified = place.get("email_verified", True)
            if verified is not True and verified != "true":
                raise TokenError("the issuer has not verified the e-mail address of the user")
    return _named("user", name)


def _groups(claims: Mapping[str, object], path: str) -> set[str]:
    # Azure leaves a long list out and says so in these. A group that is not heard of would not only allow
    # less: what is denied to it would be open.
    if "_claim_names" in claims or claims.get("hasgroups", False) is not False:
        raise TokenError(
            "the issuer left the groups of the user out of the token, as they are too many",
            next_step="Have it list fewer in its tokens, such as those that are assigned to this application.",
        )
    listed, _ = _found("groups", claims, path)
    if not isinstance(listed, list):
        raise _refusal("groups", "is not a list of names")
    if len(listed) > MOST_GROUPS:
        raise _refusal("groups", f"lists more than {MOST_GROUPS:,}, and none may be left out")
    return {_named("group", name) for name in listed}


def _found(key: str, claims: Mapping[str, object], path: str) -> tuple[object, Mapping[str, object]]:
    """The value of the claim of that name or at the end of that dotted path, and what stands beside it."""
    places = [claims] if path in claims else []
    *way, last = path.split(".")
    inner: object = claims
    for part in way:
        inner = inner.get(part) if isinstance(inner, Mapping) else None
    if way and isinstance(inner, Mapping) and last in inner:
        places.append(inner)
    if not places:
        raise _refusal(key, "is missing")
    if len(places) > 1:
        raise _refusal(key, "is there twice, once by its name and once by its path")
    [place] = places
    return place[path if place is claims else last], place


def _named(kind: str, name: object) -> str:
    """``kind:name``. Groups and tenants are named by the same rule as users."""
    if not isinstance(name, str):
        raise _refusal("groups" if kind == "group" else kind, "holds something that is no text")
    try:
        principal(f"user:{name}")
    except PrincipalError:
        # Not chained: its text quotes the name.
        raise _refusal(
            "groups" if kind == "group" else kind,
            "holds an empty name, or one with white space, a control character or a denormalised letter",
        ) from None
    return f"{kind}:{name}"


def _refusal(key: str, what: str) -> TokenError:
    return TokenError(
        f"the claim for {key} {what}",
        next_step=f"Compare identity.claims.{key} in lockgate.yaml with what the issuer puts into its tokens.",
    )
