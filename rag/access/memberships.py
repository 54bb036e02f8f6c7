"""Who is in which group, and what that makes of somebody who asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rag.access.principals import PUBLIC, TENANT, group, principal
from rag.access.rules import Reader

GroupsOf = Mapping[str, AbstractSet[str]]
"""A principal, and the groups that hold it directly."""


@dataclass(frozen=True)
class Memberships:
    """What directories last said. Immutable; safe to share.

    ``stale`` are the groups of which some directory has not been heard for longer than its limit. What it said
    then is not in ``groups_of``, so nobody is let in by it; and as anybody may be in them by now, whoever is
    denied by one of them is kept out too. ``suspected`` are these, and the groups that hold them.
    """

    groups_of: GroupsOf = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    suspected: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        reached = _reached(self.stale, self.groups_of)
        object.__setattr__(
            self, "suspected", frozenset(name for name in reached if not name.startswith(TENANT))
        )

    def reader(self, member: str, also: Iterable[str] = ()) -> Reader:
        """``member`` as itself, its groups, their groups, and ``public``; with ``also``, groups and tenants that
        were vouched for elsewhere. Cycles are allowed, depth unbounded. Raises ``PrincipalError``."""
        own = [principal(member), *(group(name) for name in also)]
        return Reader(frozenset(_reached(own, self.groups_of) | {PUBLIC}), self.suspected)


def _reached(start: Iterable[str], groups_of: GroupsOf) -> set[str]:
    todo = list(start)
    seen = set(todo)
    while todo:
        for found in groups_of.get(todo.pop(), ()):
            if found not in seen:
                seen.add(found)
                todo.append(found)
    return seen
