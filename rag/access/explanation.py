"""Why somebody may read a document, or may not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from rag.access.memberships import GroupsOf, Memberships
from rag.access.principals import PUBLIC, TENANT
from rag.access.rules import AccessRule, Reader, may_read


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and the chain behind it, one sentence a step."""

    allowed: bool
    because: tuple[str, ...]


def explain(member: str, rule: AccessRule | None, memberships: Memberships) -> Explanation:
    """``may_read`` for ``member``, with the membership path of every principal that decided."""
    reader = memberships.reader(member)
    if rule is None:
        return Explanation(False, ("no access rule is known for this document; unknown access is no access",))
    steps = []
    if rule.tenant is not None:
        steps.append(_wall(member, reader, rule.tenant, memberships.groups_of))
    for name, listed in (("deny", rule.deny), ("allow", rule.allow)):
        matches = sorted(listed & reader.principals)
        steps += [f"{name} lists {match}{_path(member, match, memberships.groups_of)}" for match in matches]
        if name == "deny":
            steps += [
                f"deny lists {match}, and who is in it is not known: a directory has not been heard in time"
                for match in sorted((listed & reader.suspected) - reader.principals)
            ]
    if rule.allow.isdisjoint(reader.principals):
        steps.append(f"neither {member} nor any of its groups is listed in allow")
        steps += [
            f"allow lists {match}, and who is in it is not known: a directory has not been heard in time"
            for match in sorted(rule.allow & reader.suspected)
        ]
    return Explanation(may_read(reader, rule), tuple(steps))


def _wall(member: str, reader: Reader, tenant: str, groups_of: GroupsOf) -> str:
    wall = f"it is for the tenant {tenant} alone"
    tenants = sorted(name.removeprefix(TENANT) for name in reader.principals if name.startswith(TENANT))
    if not tenants:
        return f"{wall}, and {member} is in no tenant"
    if len(tenants) > 1:
        return f"{wall}, and {member} is in several ({', '.join(tenants)}), which counts as none"
    if tenants != [tenant]:
        return f"{wall}, and {member} is in another ({tenants[0]})"
    return f"{wall}{_path(member, TENANT + tenant, groups_of)}"


def _path(member: str, target: str, groups_of: GroupsOf) -> str:
    """`` (user:a is in group:b, group:b is in group:c)``: the shortest chain from member to target."""
    if target == member:
        return ""
    if target == PUBLIC:
        return " (every principal is public)"
    came_from: dict[str, str] = {}
    todo = [member]
    for current in todo:
        for found in sorted(groups_of.get(current, ())):
            if found not in came_from:
                came_from[found] = current
                todo.append(found)
    chain = [target]
    while chain[-1] != member:
        chain.append(came_from[chain[-1]])
    chain.reverse()
    return " (" + ", ".join(f"{a} is in {b}" for a, b in pairwise(chain)) + ")"
