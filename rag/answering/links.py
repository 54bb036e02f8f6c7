"""Text without what a page that shows it would fetch or follow."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

# A picture is fetched as it is shown: its address alone can carry away what the answer holds.
_IMAGE = re.compile(r"!\[([^\[\]]*)\]\([^()]*(?:\([^()]*\)[^()]*)*\)")
_LINK = re.compile(r"\[([^\[\]]*)\]\(\s*<?([^\s()<>]*(?:\([^()\s]*\)[^\s()<>]*)*)>?[^()]*\)")
_DEFINITION = re.compile(r"^[ \t>]*\[[^\[\]\n]+\]:[ \t]*<?[^\s:/]*(?:/|:/).*$", re.MULTILINE)
# anywhere, within a word too: what makes links of addresses does not ask for a space before them
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}://|(?<![a-z0-9])www\.)[^\s<>\"'`\]|]+", re.IGNORECASE)
_AUTOLINK = re.compile(r"<([a-z][a-z0-9+.-]{1,20}:[^\s<>]*)>", re.IGNORECASE)
_HTML = re.compile(r"<[a-z/!?][^<>]*>", re.IGNORECASE)
_OPENING = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
_AFTER = ".,;:!?)*_…"


def urls_in(text: str) -> set[str]:
    """The addresses that stand in ``text``, without the punctuation after them."""
    return {_trimmed(found) for found in _URL.findall(text)}


def without_links(text: str, known: AbstractSet[str] = frozenset()) -> str:
    """``text`` without markup, pictures, and addresses other than the ``known`` ones, which stay as plain text.

    An address is known as a whole: one with something added to it could carry that away.

    >>> without_links("See ![x](https://evil.example/?q=1) and [the form](https://a.example/f).", {"https://a.example/f"})
    'See x and the form (https://a.example/f).'
    """
    text = _HTML.sub("", _AUTOLINK.sub(r"\1", text))
    text = _IMAGE.sub(r"\1", _DEFINITION.sub("", text))
    text = _LINK.sub(lambda found: _plain(found[1], found[2], known), text)
    # taking out may have joined what stood around it: no markup may come of that
    text = _OPENING.sub("‹", text).replace("](", "] (").replace("![", "[")
    return _URL.sub(lambda found: _kept(found[0], known), text)


def _plain(label: str, url: str, known: AbstractSet[str]) -> str:
    # a model that links its citations still cites
    shown = f"[{label}]" if label.strip().isdigit() else label
    return f"{shown} ({url})" if url in known and url != label else shown


def _kept(url: str, known: AbstractSet[str]) -> str:
    bare = _trimmed(url)
    return url if bare in known else url[len(bare) :]


def _trimmed(url: str) -> str:
    return url.rstrip(_AFTER)
