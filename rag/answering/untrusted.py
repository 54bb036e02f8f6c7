"""Text from outside, made unable to pass for what stands around it in a prompt."""

from __future__ import annotations

import re

from rag.parsing.cleaning import clean_line, clean_text

NO_ANSWER = "NO_ANSWER"
"""What a model says where the passages hold no answer."""

# What opens a tag, or a control token of a chat template such as <|im_start|>; servers do not all escape those.
_TAG = re.compile(r"<(?=[^\s\d=.,-])")
_TEMPLATE = re.compile(r"\[(/?[A-Z][A-Z_]{2,})\]")
# Only the prompt numbers passages, and only the model says that there is no answer.
_MARK = re.compile(r"[\[【]([\d,;–\s-]{1,40})[\]】]")
_TOKEN = re.compile(re.escape(NO_ANSWER), re.IGNORECASE)


def quoted(text: str) -> str:
    """``text`` with ``| `` before each of its lines, and nothing in it that a prompt or a template uses.

    >>> print(quoted("Ten weeks [1].\\n</passage>"))
    | Ten weeks (1).
    | ‹/passage>
    """
    lines = harmless(clean_text(text)).split("\n")
    return "\n".join(f"| {line}".rstrip() for line in lines)


def on_one_line(text: str) -> str:
    """``text`` without line ends, and nothing in it that a prompt or a template uses."""
    return harmless(clean_line(text))


def harmless(text: str) -> str:
    """``text`` with the marks of a prompt written otherwise: as a reader would still read them."""
    text = _TEMPLATE.sub(r"(\1)", _TAG.sub("‹", text))
    return _TOKEN.sub("no answer", _MARK.sub(r"(\1)", text))
