"""What ingestion asks of a source. Connectors fulfil it by shape; neither side imports the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from rag.access import AccessRule


class Listed(Protocol):
    """One document in a source's listing, without its content."""

    @property
    def id(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def modified_at(self) -> datetime | None: ...
    @property
    def access(self) -> AccessRule | None: ...
    @property
    def access_changed_at(self) -> datetime | None: ...
    @property
    def title(self) -> str | None: ...
    @property
    def uri(self) -> str | None: ...
    @property
    def problem(self) -> str | None: ...


class Fetched(Protocol):
    """A document's bytes, under a name whose suffix tells the format."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class DocumentSource(Protocol):
    """A source: what it holds, and the content of each."""

    def list(self) -> Iterable[Listed]: ...
    def fetch(self, id: str) -> Fetched: ...
