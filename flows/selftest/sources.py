"""A connector that something goes wrong in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from connectors import Connector, Content, DocumentRef, KnowsGroups
from connectors.directories import Snapshot


def as_listed(ref: DocumentRef) -> DocumentRef | None:
    """Nothing is wrong with the listing."""
    return ref


def as_read(_id: str, content: Content) -> Content:
    """Nothing is wrong with what is read."""
    return content


@dataclass(frozen=True, slots=True)
class Doctored:
    """``source``, of which each entry goes through ``listed`` (None: it is not there), each content through
    ``read``."""

    source: Connector
    listed: Callable[[DocumentRef], DocumentRef | None] = as_listed
    read: Callable[[str, Content], Content] = as_read

    def list(self) -> Iterator[DocumentRef]:
        return (ref for each in self.source.list() if (ref := self.listed(each)) is not None)

    def fetch(self, id: str) -> Content:
        return self.read(id, self.source.fetch(id))

    def groups(self) -> Snapshot | None:
        return self.source.groups() if isinstance(self.source, KnowsGroups) else None


def edited(ref: DocumentRef) -> DocumentRef:
    """The entry of a document that has to be read again."""
    return replace(ref, fingerprint=f"{ref.fingerprint} edited")
