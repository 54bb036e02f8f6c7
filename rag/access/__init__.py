"""Principals, access rules, group closure, and the one function that decides."""

from rag.access.principals import PUBLIC, principal
from rag.access.rules import (
    EVERYBODY,
    NOBODY,
    AccessRule,
    Explanation,
    closure,
    explain,
    may_read,
    parse_rule,
)
from rag.access.view import AccessView

__all__ = [
    "EVERYBODY",
    "NOBODY",
    "PUBLIC",
    "AccessRule",
    "AccessView",
    "Explanation",
    "closure",
    "explain",
    "may_read",
    "parse_rule",
    "principal",
]
