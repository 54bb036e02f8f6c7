"""Access rules, readers, and the one function that decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rag.access.principals import PUBLIC, TENANT, principal
from rag.errors import PrincipalError


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may read a document: a member of ``allow`` who is no member of ``deny``.

    An empty ``allow`` allows nobody. ``public`` in ``allow`` means every principal; ``public`` in ``deny``
    means nobody at all. With a ``tenant``, all of that holds within it: nobody else may read.
    """

    allow: frozenset[str]
    deny: frozenset[str] = frozenset()
    tenant: str | None = None

    @classmethod
    def of(
        cls, allow: Iterable[object], deny: Iterable[object] = (), tenant: str | None = None
    ) -> AccessRule:
        """Validates every principal; raises ``PrincipalError`` at the first that is none."""
        return cls(frozenset(principal(p) for p in allow), frozenset(principal(p) for p in deny), tenant)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the canonical form: equal rules have equal digests."""
        parts: list[object] = [sorted(self.allow), sorted(self.deny)]
        if self.tenant is not None:
            parts.append(self.tenant)
        canonical = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


NOBODY = AccessRule(frozenset())
EVERYBODY = AccessRule(frozenset({PUBLIC}))


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who asks, as all that they are.

    ``principals`` is a closure. ``suspected`` are groups of which nobody knows whether the reader is in them: to
    be allowed there is not to be allowed, and to be denied there is to be denied. Who is in several tenants is
    in none: one answer never holds documents of two.
    """

    principals: frozenset[str]
    suspected: frozenset[str] = frozenset()
    tenant: str | None = field(init=False)
    """Its name, without the prefix."""

    def __post_init__(self) -> None:
        tenants = [name.removeprefix(TENANT) for name in self.principals if name.startswith(TENANT)]
        object.__setattr__(self, "tenant", tenants[0] if len(tenants) == 1 else None)


def may_read(reader: Reader, rule: AccessRule | None) -> bool:
    """The decision. No rule and no principals mean no access. Deny wins."""
    # A set that is no closure may lack public; what is denied to everybody is denied to it all the same.
    if rule is None or not reader.principals or PUBLIC in rule.deny:
        return False
    if rule.tenant is not None and rule.tenant != reader.tenant:
        return False
    if not (rule.deny.isdisjoint(reader.principals) and rule.deny.isdisjoint(reader.suspected)):
        return False
    return not rule.allow.isdisjoint(reader.principals)


def parse_rule(value: object, *, where: str) -> AccessRule:
    """A rule from ``{"allow": [...], "deny": [...]}`` as found in a file.

    A missing ``allow`` allows nobody. Any other key, or anything that is no list, raises ``PrincipalError`` with
    ``where``.
    """
    if not isinstance(value, Mapping) or not set(value) <= {"allow", "deny"}:
        raise PrincipalError("an access rule has the keys allow and deny, and no others", where=where)
    lists: dict[str, list[object]] = {}
    for key in ("allow", "deny"):
        entries = value.get(key)
        if entries is None:
            entries = []
        if not isinstance(entries, list):
            raise PrincipalError(f"{key} is not a list of principals", where=where)
        lists[key] = entries
    try:
        return AccessRule.of(lists["allow"], lists["deny"])
    except PrincipalError as error:
        raise PrincipalError(error.what, where=where, next_step=error.next_step) from error
