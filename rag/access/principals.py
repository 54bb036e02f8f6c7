"""Principals: who may read. ``user:…``, ``group:…`` and ``public``; and tenants, which are no principals."""

from __future__ import annotations

import unicodedata

from rag.errors import PrincipalError

PUBLIC = "public"
TENANT = "tenant:"
_PREFIXES = ("user:", "group:")


def principal(text: object) -> str:
    """Returns ``text`` as a principal, unchanged, or raises ``PrincipalError``.

    A principal is ``public``, or ``user:`` or ``group:`` followed by a name without white space or control
    characters, in Unicode normal form C. Names are compared exactly: a look-alike is another principal.
    """
    if not isinstance(text, str) or not text:
        raise PrincipalError("a principal is needed", next_step="Give one such as user:ada@acme.example.")
    if text == PUBLIC:
        return text
    if not text.startswith(_PREFIXES):
        raise PrincipalError(
            f"{text!r} is not a principal",
            next_step="Write user:NAME, group:NAME or public.",
        )
    return _named(text)


def group(text: object) -> str:
    """Returns ``text`` as something that has members, ``group:NAME`` or ``tenant:NAME``, or raises
    ``PrincipalError``. A tenant cannot ask, and no rule lists it."""
    if isinstance(text, str) and text.startswith(TENANT):
        return _named(text)
    found = principal(text)
    if not found.startswith("group:"):
        raise PrincipalError(
            f"{text!r} is not a group", next_step="Write group:NAME, or tenant:NAME for a tenant."
        )
    return found


def _named(text: str) -> str:
    name = text.split(":", 1)[1]
    bad = [c for c in name if c.isspace() or unicodedata.category(c).startswith("C")]
    if not name or bad or unicodedata.normalize("NFC", name) != name:
        raise PrincipalError(
            f"{text!r} has an empty name, white space, a control character or a denormalised letter in it",
            next_step="Write the name exactly as the directory does.",
        )
    return text
