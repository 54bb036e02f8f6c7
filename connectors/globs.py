"""Globs over ``/``-separated paths: ``*`` and ``?`` stay within a folder, ``**`` is any depth."""

from __future__ import annotations

import re
from collections.abc import Sequence


class Globs:
    """Says which paths below a root match one of the patterns; matching minds the case of letters."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._files = [_compiled(pattern) for pattern in patterns]
        self._folders = [
            _compiled(pattern.removesuffix("/**/*").removesuffix("/**"))
            for pattern in patterns
            if pattern.endswith(("/**", "/**/*"))
        ]

    def match(self, path: str) -> bool:
        """Whether ``path``, relative and with ``/``, matches."""
        return any(regex.fullmatch(path) for regex in self._files)

    def covers(self, folder: str) -> bool:
        """Whether everything below ``folder`` is sure to match, so that nobody needs to look into it."""
        return any(regex.fullmatch(folder) for regex in self._folders)


def checked(pattern: str) -> str:
    """``pattern``, with a final ``/`` read as ``/**``. Raises ``ValueError`` for one that can match nothing
    below a root: empty, absolute, or with an empty, ``.`` or ``..`` part or a range that runs backwards."""
    if pattern.endswith("/") and pattern.strip("/"):
        pattern += "**"
    if any(part in ("", ".", "..") for part in pattern.split("/")):
        raise ValueError("expected a glob below path, such as **/*.md, without empty, . or .. parts")
    try:
        _compiled(pattern)
    except re.error as error:
        raise ValueError("expected a glob; a range in [] runs backwards") from error
    return pattern


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = pattern.split("/")
    regex = ""
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            # Two in a row mean no more than one, but would cost the matcher dearly.
            if last:
                regex += ".+"
            elif parts[position + 1] != "**":
                regex += "(?:.+/)?"
        else:
            regex += _part(part) + ("" if last else "/")
    return re.compile(regex, re.DOTALL)


def _part(part: str) -> str:
    regex = ""
    for token in re.findall(r"\*+|\?|\[!?\]?[^\]]*\]|.", part, re.DOTALL):
        if token[0] == "*":
            regex += "[^/]*"
        elif token == "?":
            regex += "[^/]"
        elif len(token) > 1:
            regex += _class(token[1:-1])
        else:
            regex += re.escape(token)
    return regex


def _class(body: str) -> str:
    negated = body.startswith("!") and body != "!"
    members = "".join(char if char == "-" else re.escape(char) for char in body[negated:])
    return f"(?!/)[{'^' if negated else ''}{members}]"
