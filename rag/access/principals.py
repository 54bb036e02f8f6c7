"""Principals: who may read. ``user:…``, ``group:…`` and ``public``."""

from __future__ import annotations

import unicodedata

from rag.errors import PrincipalError

PUBLIC = "public"
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
    name = text.split(":", 1)[1]
    bad = [c for c in name if c.isspace() or unicodedata.category(c).startswith("C")]
    if not name or bad or unicodedata.normalize("NFC", name) != name:
        raise PrincipalError(
            f"{text!r} has an empty name, white space, a control character or a denormalised letter in it",
            next_step="Write the name exactly as the directory does.",
        )
    return text
