"""Principals, access rules, memberships, and the one function that decides."""

from rag.access.explanation import Explanation, explain
from rag.access.memberships import Memberships
from rag.access.principals import PUBLIC, TENANT, group, principal
from rag.access.rules import EVERYBODY, NOBODY, AccessRule, Reader, may_read, parse_rule
from rag.access.subject import Subject
from rag.access.view import FOR_EVER, AccessView

__all__ = [
    "EVERYBODY",
    "FOR_EVER",
    "NOBODY",
    "PUBLIC",
    "TENANT",
    "AccessRule",
    "AccessView",
    "Explanation",
    "Memberships",
    "Reader",
    "Subject",
    "explain",
    "group",
    "may_read",
    "parse_rule",
    "principal",
]
