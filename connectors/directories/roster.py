"""Who is in an export, and what principal each of them is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from connectors.directories.refusal import refused, shown
from rag.access import principal
from rag.errors import PrincipalError

_LONGEST_NAME = 512
Kind: TypeAlias = Literal["user", "group", "inactive", "other"]


@dataclass(frozen=True, slots=True)
class _Entry:
    where: str
    kind: Kind
    principal: str | None


class Roster:
    """Every entry of an export by its key there: an id, or a DN in its normal form.

    A ``user`` without a name may be there as long as no group holds it. Who is ``inactive`` is known, and in no
    group. What is ``other`` is no reader at all, and as good as not there.
    """

    def __init__(self, *, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown
        self._entries: dict[str, _Entry] = {}
        self._called: dict[str, str] = {}

    def add(
        self, key: str, where: str, kind: Kind, name: str | None = None, *, rename: str = ""
    ) -> str | None:
        """Takes an entry in and returns its principal, ``None`` without a name. Raises ``DirectoryError`` for a
        key or a principal that another has, and for a name that is no principal's, with ``rename`` as the way
        out."""
        first = self._entries.get(key)
        if first is not None:
            raise refused(f"{shown(key)} is there twice, first at {first.where}", where)
        called = None if name is None else self._principal(kind, name, where, rename)
        self._entries[key] = _Entry(where, kind, called)
        return called

    def kind(self, key: str) -> Kind | None:
        """What the entry with that key is; ``None`` where there is none."""
        entry = self._entries.get(key)
        return None if entry is None else entry.kind

    def members(self, keys: Iterable[tuple[str, str]], where: str) -> frozenset[str]:
        """The principals of a group's members, each given by its key and as the export at ``where`` writes it.

        Raises ``DirectoryError`` for one that is not in the export (left out instead if unknown ones are to be
        ignored) and for one without a name.
        """
        found: set[str] = set()
        for key, written in keys:
            entry = self._entries.get(key)
            if entry is None or entry.kind == "other":
                self.unknown(f"the member {shown(written)}", where)
            elif entry.kind != "inactive":
                if entry.principal is None:
                    raise refused(
                        f"the member {shown(written)} has no name, see {entry.where}",
                        where,
                        "Name with the option user an attribute that everybody in a group has.",
                    )
                found.add(entry.principal)
        return frozenset(found)

    def unknown(self, what: str, where: str) -> None:
        """Raises ``DirectoryError`` unless what is not in the export is to be ignored."""
        if not self._ignore_unknown:
            raise refused(
                f"{what} is no user or group of this export",
                where,
                "Export users and groups whole; or set ignore_unknown: true to leave such members out, who are"
                " then not hit by a deny of the group either.",
            )

    def _principal(self, kind: Kind, name: str, where: str, rename: str) -> str:
        if len(name) > _LONGEST_NAME:
            raise refused(f"a name is longer than {_LONGEST_NAME} characters", where, rename)
        try:
            called = principal(f"{kind}:{name}")
        except PrincipalError as error:
            raise refused(error.what, where, rename) from error
        first = self._called.get(called)
        if first is not None:
            raise refused(f"two entries are {shown(called)}, the other at {first}", where, rename)
        self._called[called] = where
        return called
