"""What the catalog knows of access at one epoch, and who may read what by it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from rag.access.rules import AccessRule, closure, may_read


@dataclass(frozen=True)
class AccessView:
    """All distinct rules by id, and all memberships, at one access epoch. Immutable; safe to share."""

    epoch: int
    rules: Mapping[int, AccessRule]
    groups_of: Mapping[str, AbstractSet[str]]
    """principal -> the groups that hold it directly"""
    _visible: dict[str, frozenset[int]] = field(default_factory=dict, repr=False, compare=False)

    def visible(self, principal: str) -> frozenset[int]:
        """The ids of the rules under which ``principal`` may read. The index filter is made of these."""
        known = self._visible.get(principal)
        if known is None:
            principals = closure(principal, self.groups_of)
            known = frozenset(id for id, rule in self.rules.items() if may_read(principals, rule))
            self._visible[principal] = known
        return known

    def may_read(self, principal: str, rule_id: int | None) -> bool:
        """Whether ``principal`` may read a document under the rule with this id. Unknown is no."""
        return rule_id is not None and rule_id in self.visible(principal)
