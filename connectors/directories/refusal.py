"""How a directory that cannot be believed is refused."""

from __future__ import annotations

from rag.errors import DirectoryError, DirectoryUnavailableError

STATE = "Memberships stay as last observed, until their limit"
_AGAIN = "Write the export anew, whole, and run `lockgate access sync`."
_LONGEST = 120


def refused(what: str, where: str, next_step: str = _AGAIN) -> DirectoryError:
    """The error for an export that is wrong at ``where`` (``groups.ldif:12``)."""
    return DirectoryError(what, where=where, state=STATE, next_step=next_step)


def unavailable(what: str, where: str) -> DirectoryUnavailableError:
    """The error for an export that cannot be read just now."""
    return DirectoryUnavailableError(what, where=where, state=STATE, next_step=_AGAIN)


def shown(name: str) -> str:
    """``name`` in quotes, for a message: escaped, and cut where it is long."""
    return repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "…")
