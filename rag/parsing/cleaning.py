"""Text without what no reader sees: control characters, surrogates, invisible carriers of text."""

from __future__ import annotations

import re

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

# Controls other than \t and \n; soft hyphens, zero-width spaces and byte-order marks, which split words
# for a tokenizer; overrides of writing direction and "tag" characters, which hide text from a person
# but not from a model; surrogates and non-characters, which cannot be stored.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_TRAILING_BLANKS = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)


def clean_text(text: str) -> str:
    """``text`` with newlines as ``\\n``, no invisible or unstorable characters, no blanks at line ends.

    Leading blanks of the first line stay, since in code they carry meaning.
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _UNWANTED.sub("", text)
    return _TRAILING_BLANKS.sub("", text)


def clean_line(text: str) -> str:
    """``text`` on one line, every run of white space a single blank."""
    return " ".join(clean_text(text).split())
