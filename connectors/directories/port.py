"""The port that every directory fulfils: who is in which group, and when that was so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every group with its direct members at one moment.

    ``members_of`` reads ``{"group:eng": {"user:ada", "group:platform"}}``: groups nest, and may hold each other or
    themselves; a group without members is there with an empty set. ``observed_at`` is aware (UTC) and not in
    the future: the moment of which this is true, which is that of the export and not that of its reading.
    """

    members_of: Mapping[str, frozenset[str]]
    observed_at: datetime


class Directory(Protocol):
    """Something that knows groups. All or nothing: it never returns a part as if it were the whole."""

    @property
    def name(self) -> str:
        """The name that the settings give it."""
        ...

    def read(self) -> Snapshot:
        """All groups as they are now. Raises ``DirectoryError``, which says where in the directory something
        is wrong, and ``DirectoryUnavailableError`` where trying again may help."""
        ...
