"""Texts as they are compared: however written, however broken into lines."""

from __future__ import annotations

import unicodedata


def words(text: str) -> list[str]:
    """Its runs of letters and digits, by NFKC and without case.

    >>> words("ﬁve  Weeks,\\nfull-time")
    ['five', 'weeks', 'full', 'time']
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter if letter.isalnum() else " " for letter in folded).split()
