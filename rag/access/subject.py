"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass

from rag.access.principals import group, principal


@dataclass(frozen=True, slots=True)
class Subject:
    """A principal, and ``also`` the groups and the tenant that were vouched for beside what directories say."""

    principal: str
    also: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises ``PrincipalError``."""
        principal(self.principal)
        for each in self.also:
            group(each)
