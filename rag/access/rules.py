"""Access rules, and the one function that decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from rag.access.principals import PUBLIC, principal
from rag.errors import PrincipalError


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may read a document: a member of ``allow`` who is no member of ``deny``.

    An empty ``allow`` allows nobody. ``public`` in ``allow`` means every principal; ``public`` in ``deny``
    means nobody at all.
    """

    allow: frozenset[str]
    deny: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allow: Iterable[object], deny: Iterable[object] = ()) -> AccessRule:
        """Validates every principal; raises ``PrincipalError`` at the first that is none."""
        return cls(frozenset(principal(p) for p in allow), frozenset(principal(p) for p in deny))

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the canonical form: equal rules have equal digests."""
        lists = [sorted(self.allow), sorted(self.deny)]
        canonical = json.dumps(lists, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


NOBODY = AccessRule(frozenset())
EVERYBODY = AccessRule(frozenset({PUBLIC}))


def closure(member: str, groups_of: Mapping[str, AbstractSet[str]]) -> frozenset[str]:
    """Every principal that ``member`` acts as: itself, its groups, their groups, and ``public``.

    ``groups_of`` maps a principal to the groups that hold it directly. Cycles are allowed, depth unbounded.
    """
    seen = {principal(member)}
    todo = [member]
    while todo:
        for group in groups_of.get(todo.pop(), ()):
            if group not in seen:
                seen.add(group)
                todo.append(group)
    seen.add(PUBLIC)
    return frozenset(seen)


def may_read(principals: AbstractSet[str], rule: AccessRule | None) -> bool:
    """The decision. ``principals`` is a closure; no rule and no principals mean no access. Deny wins."""
    # A set that is no closure may lack public; what is denied to everybody is denied to it all the same.
    if rule is None or not principals or PUBLIC in rule.deny:
        return False
    return not rule.deny & principals and bool(rule.allow & principals)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and the chain behind it, one sentence a step."""

    allowed: bool
    because: tuple[str, ...]


def explain(member: str, rule: AccessRule | None, groups_of: Mapping[str, AbstractSet[str]]) -> Explanation:
    """``may_read`` for ``member``, with the membership path of every principal that decided."""
    principals = closure(member, groups_of)
    allowed = may_read(principals, rule)
    if rule is None:
        return Explanation(False, ("no access rule is known for this document; unknown access is no access",))
    steps: list[str] = []
    for name, listed in (("deny", rule.deny), ("allow", rule.allow)):
        matches = sorted(listed & principals)
        steps += [f"{name} lists {match}{_path(member, match, groups_of)}" for match in matches]
    if not steps:
        steps.append(f"neither {member} nor any of its groups is listed in allow")
    return Explanation(allowed, tuple(steps))


def _path(member: str, target: str, groups_of: Mapping[str, AbstractSet[str]]) -> str:
    """`` (user:a is in group:b, group:b is in group:c)``: the shortest chain from member to target."""
    if target == member:
        return ""
    if target == PUBLIC:
        return " (every principal is public)"
    came_from: dict[str, str] = {}
    todo = [member]
    for current in todo:
        for group in sorted(groups_of.get(current, ())):
            if group not in came_from and group != member:
                came_from[group] = current
                todo.append(group)
    chain = [target]
    while chain[-1] != member:
        chain.append(came_from[chain[-1]])
    chain.reverse()
    return " (" + ", ".join(f"{a} is in {b}" for a, b in pairwise(chain)) + ")"


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
