"""The port that every connector fulfils: what a source holds, and who may read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from connectors.directories.port import Snapshot
from rag.access import AccessRule


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """One document as its source lists it, without its content.

    ``id`` is unique and stable within the source. ``fingerprint`` changes whenever the content, title or uri
    may have changed: an equal fingerprint means that the document need not be fetched. ``modified_at`` is
    aware (UTC). ``access`` is ``None`` where the source states no rule; ``problem`` says why a document must
    be kept out (an access file that cannot be read, say): it is then quarantined with that reason.
    ``access_changed_at`` is when who may read it was last changed, where the source knows.
    """

    id: str
    fingerprint: str
    modified_at: datetime | None
    access: AccessRule | None
    title: str | None = None
    uri: str | None = None
    problem: str | None = None
    access_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a document. ``name`` ends in the suffix that tells its format (``report.docx``)."""

    name: str
    data: bytes


class Connector(Protocol):
    """A source. Raises ``SourceVanishedError`` where its root is gone, ``SourceUnavailableError`` where it
    does not answer, and never returns a partial listing as if it were whole."""

    def list(self) -> Iterator[DocumentRef]:
        """Every document, each once, in a stable order."""
        ...

    def fetch(self, id: str) -> Content:
        """The content of one listed document. Raises ``SourceError`` where it is no longer there."""
        ...


@runtime_checkable
class KnowsGroups(Protocol):
    """What a connector also fulfils whose source knows groups."""

    def groups(self) -> Snapshot | None:
        """All groups of the source with their direct members; ``None`` where it is not to be asked for them.

        Raises ``DirectoryError`` and never returns a part as if it were the whole.
        """
        ...
