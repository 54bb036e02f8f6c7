"""The nearest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The entry of ``known`` that ``name`` was most likely meant to be, or ``None``; case does not matter."""
    by_lower = {entry.lower(): entry for entry in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown key 'chuncking'; did you mean 'chunking'?``, or the list of what is known if none is near."""
    names = sorted(known)
    guess = nearest(name, names)
    if guess is not None:
        return f"unknown {kind} {name!r}; did you mean {guess!r}?"
    return f"unknown {kind} {name!r}; known are {', '.join(names)}"
