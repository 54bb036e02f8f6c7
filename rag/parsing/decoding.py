"""Bytes to text, the same way every time."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9._:-]+)""", re.IGNORECASE)
_SAMPLE = 4096


def decode(data: bytes, *, declared: bool = False) -> str:
    """The text in ``data``: by its byte-order mark, by the pattern of its zero bytes, or as UTF-8.

    With ``declared`` a charset that HTML or XML names in its first bytes counts too. What is none of
    these is read as Windows-1252, byte for byte, so that nothing is lost. Never raises.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    wide = _wide_encoding(data[:_SAMPLE])
    if wide:
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass  # not UTF-8: the charset it declares, or the fallback below
    if declared and (match := _DECLARED.search(data[:_SAMPLE])):
        try:
            name = codecs.lookup(match[1].decode("ascii")).name
            if name not in ("utf-8", "utf-16", "utf-32"):
                return data.decode(name, errors="replace")
        except (LookupError, ValueError):
            pass  # an unknown charset, or a codec that is not for text
    return (
        "".join(bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in data)
        if (any(byte in data for byte in b"\x81\x8d\x8f\x90\x9d"))
        else data.decode("cp1252")
    )


def looks_binary(data: bytes) -> bool:
    """True if ``data`` cannot be text: it is full of zero bytes but no UTF-16 or UTF-32."""
    sample = data[:_SAMPLE]
    if any(sample.startswith(mark) for mark, _ in _MARKS) or _wide_encoding(sample):
        return False
    controls = sum(sample.count(bytes([code])) for code in (*range(1, 7), *range(14, 26), 28, 29, 30, 31))
    # A stray zero or two is damage, which cleaning mends.
    return sample.count(0) > 2 + len(sample) // 100 or controls > 2 + len(sample) // 20


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by which bytes of each group are zero."""
    if len(sample) < 4 or b"\0" not in sample:
        return None
    by_place = [sample[place::4].count(0) / max(1, len(sample[place::4])) for place in range(4)]
    zero = [share > 0.7 for share in by_place]
    patterns = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return patterns.get((zero[0], zero[1], zero[2], zero[3]))
