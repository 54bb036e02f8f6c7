"""Distinguished names (RFC 4514), in one form for all that are equal."""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(r"(?:[^\\,+]|\\.)*", re.DOTALL)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*")
_UNIT = re.compile(r"\\[0-9A-Fa-f]{2}|\\.|[^\\]", re.DOTALL)
_ESCAPABLE = frozenset(' "#+,;<=>\\')
_UNESCAPED = frozenset('";<>\0')
_TO_ESCAPE = re.compile(r"[\\,+=]")


def normal_dn(text: str) -> str:
    """``text`` such that equal names have equal forms: case, white space around commas and equals signs, and
    the way something is escaped do not matter, nor the order within an RDN of several values.

    Letters are folded as RFC 4518 does, but not normalised: a denormalised letter makes another name. Raises
    ``ValueError``, without the name in it, for what is no name and for values in hexadecimal (``#04...``).
    """
    if not text.strip(" "):
        return ""
    if "\\" not in text and "+" not in text:
        return ",".join(map(_normal_pair, text.split(",")))
    rdns: list[str] = []
    current: list[str] = []
    position = 0
    while True:
        piece = _PIECE.match(text, position)
        assert piece is not None  # it matches the empty text
        current.append(_normal_pair(piece[0]))
        separator = text[piece.end() : piece.end() + 1]
        if separator == "\\":
            raise ValueError("a name that ends in a backslash")
        if separator != "+":
            rdns.append("+".join(sorted(current)))
            current = []
        if not separator:
            return ",".join(rdns)
        position = piece.end() + 1


# Most names of one directory end in the same parts.
@lru_cache(maxsize=1024)
def _normal_pair(text: str) -> str:
    kind, equals, value = text.partition("=")
    kind = kind.strip(" ")
    if not equals or not _TYPE.fullmatch(kind):
        raise ValueError("not a name: its parts read type=value")
    folded = " ".join(_plain(value).split()).casefold()
    # A comma that belongs to a value must not look like one between two parts.
    return kind.lower() + "=" + _TO_ESCAPE.sub(lambda found: f"\\{ord(found[0]):02x}", folded)


def _plain(value: str) -> str:
    """The value without its escapes."""
    text = value.strip(" ") if "\\" not in value else value.lstrip(" ")
    if text.startswith("#"):
        raise ValueError("a name with a value in hexadecimal")
    if "\\" not in text:
        if not _UNESCAPED.isdisjoint(text):
            raise ValueError("a name with a character that must be escaped")
        return text
    data = b"".join(_byte(unit) for unit in _UNIT.findall(text))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ValueError("a name that is not UTF-8") from error


def _byte(unit: str) -> bytes:
    if len(unit) == 3:
        return bytes.fromhex(unit[1:])
    if len(unit) == 2 and unit[1] not in _ESCAPABLE:
        raise ValueError("a name with an escape that is none")
    if unit in _UNESCAPED:
        raise ValueError("a name with a character that must be escaped")
    return unit[-1].encode("utf-8", "surrogatepass")
