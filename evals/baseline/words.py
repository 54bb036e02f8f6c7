"""The baseline's own tokenizer, kept apart from the index's so that the two share no mistake."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")
_ENGLISH = """
a about after all also an and any are as at be because been but by can could did do does for from had has
have he her his how i if in into is it its may me my no not of on or our she should so than that the their
them then there these they this to up us was we were what when where which who why will with would you your
"""
STOP_WORDS = frozenset(_ENGLISH.split())


def words(text: str) -> list[str]:
    """Lower-case runs of letters, digits and underscores, in order, without ``STOP_WORDS``; no stemming.

    ``text`` is brought into Unicode's form NFKC first, so that an accent is one letter however it was typed.

    >>> words("How long is the Parental-Leave?")
    ['long', 'parental', 'leave']
    """
    lower = unicodedata.normalize("NFKC", text).lower()
    return [word for word in _WORD.findall(lower) if word not in STOP_WORDS]
