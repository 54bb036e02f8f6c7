"""What the catalog knows of access at one epoch, and who may read what by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rag.access.memberships import Memberships
from rag.access.rules import AccessRule, may_read
from rag.access.subject import Subject

FOR_EVER = datetime.max.replace(tzinfo=UTC)
_READERS_KEPT = 10_000


@dataclass(frozen=True)
class AccessView:
    """All distinct rules by id, and all memberships, at one access epoch. Immutable; safe to share.

    After ``expires_at`` a directory has not been heard for too long: another view must take its place.
    """

    epoch: int
    rules: Mapping[int, AccessRule]
    memberships: Memberships
    expires_at: datetime = FOR_EVER
    _visible: dict[Subject, frozenset[int]] = field(default_factory=dict, repr=False, compare=False)

    def visible(self, subject: Subject) -> frozenset[int]:
        """The ids of the rules under which ``subject`` may read. The index filter is made of these."""
        known = self._visible.get(subject)
        if known is None:
            reader = self.memberships.reader(subject.principal, subject.also)
            known = frozenset(id for id, rule in self.rules.items() if may_read(reader, rule))
            if len(self._visible) >= _READERS_KEPT:
                self._visible.clear()
            self._visible[subject] = known
        return known

    def may_read(self, subject: Subject, rule_id: int | None) -> bool:
        """Whether ``subject`` may read a document under the rule with this id. Unknown is no."""
        return rule_id is not None and rule_id in self.visible(subject)
