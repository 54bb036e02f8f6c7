"""File names as parts of a document's id."""

from __future__ import annotations

import unicodedata

_NEVER_DOCUMENTS = (".git", ".hg", ".svn", ".lockgate")


def is_left_out(name: str, *, hidden: bool) -> bool:
    """Whether a file or folder of that name is no document, nor holds any.

    Those with a leading dot are left out unless ``hidden`` is set; access rules, version control's own folders
    and our own state always are.
    """
    if not name.startswith("."):
        return False
    return not hidden or name.casefold().startswith(".access.") or name in _NEVER_DOCUMENTS


def problem_with(name: str) -> str | None:
    """Why ``name`` cannot be part of an id, or ``None``. Undecodable bytes come as lone surrogates."""
    kinds = {unicodedata.category(char) for char in name}
    if "Cs" in kinds:
        return "the name of the file, or of a folder above it, is not UTF-8"
    if "Cc" in kinds:
        return "the name of the file, or of a folder above it, has a control character in it"
    return None


def shown(parts: tuple[str, ...]) -> str:
    """``parts`` joined by ``/``: the exact id where every name is usable.

    Any other name is escaped and followed by a further ``/``, which no real path has, so that two files never
    share an id.
    """
    return "/".join(part if problem_with(part) is None else f"{_escaped(part)}/" for part in parts)


def _escaped(name: str) -> str:
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(f"\\x{ord(c):02x}" if unicodedata.category(c) == "Cc" else c for c in text)
