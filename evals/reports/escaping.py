"""Names from golden files and sources, made harmless in Markdown."""

from __future__ import annotations

import re
import unicodedata

_MENTION = re.compile(r"(?<!\w)@")
_ACTIVE = frozenset("\\`*_{}[]<>#|~&!")


def escape(text: str) -> str:
    """``text`` on one line, showing what it is: no markup, link, picture, HTML or table cell can come of it.

    Control and format characters (new lines, those that turn the direction of writing) become ``\\ufffd``.

    >>> escape("people|*001*")
    'people\\\\|\\\\*001\\\\*'
    """
    visible = "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in text)
    single = " ".join(visible.split())  # line and paragraph separators are white space
    marked = "".join("\\" + c if c in _ACTIVE else c for c in single)
    # GitHub's Markdown makes links of bare addresses, and calls whoever is named after a free-standing @
    return _MENTION.sub(r"\@", marked.replace("://", "\\://").replace("www.", "www\\."))
