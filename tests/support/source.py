"""A source in memory, whose documents the test edits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors import Content, DocumentRef
from rag.access import AccessRule
from rag.errors import SourceError, SourceUnavailableError, SourceVanishedError

MODIFIED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass
class Page:
    """One document of a ``MemorySource``."""

    text: str
    access: AccessRule | None
    title: str | None = None
    uri: str | None = None
    problem: str | None = None
    suffix: str = "txt"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.text}\0{self.title}\0{self.uri}".encode()).hexdigest()


class MemorySource:
    """Documents by id. Counts what was fetched; fails as it is told to."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.fetched: list[str] = []
        self.unreadable: set[str] = set()
        """Ids whose fetch raises ``SourceError``."""
        self.unavailable: set[str] = set()
        """Ids whose fetch raises ``SourceUnavailableError``."""
        self.vanished = False

    def put(
        self,
        id: str,
        text: str,
        *principals: str,
        deny: tuple[str, ...] = (),
        title: str | None = None,
        uri: str | None = None,
        suffix: str = "txt",
    ) -> None:
        """Writes a document that ``principals`` may read; with none of them it carries no rule."""
        access = AccessRule.of(principals, deny) if principals or deny else None
        self.pages[id] = Page(text, access, title, uri, None, suffix)

    def allow(self, id: str, *principals: str, deny: tuple[str, ...] = ()) -> None:
        """Changes the document's rule, and nothing else of it."""
        self.pages[id].access = AccessRule.of(principals, deny) if principals or deny else None

    def remove(self, id: str) -> None:
        del self.pages[id]

    def list(self) -> Iterator[DocumentRef]:
        if self.vanished:
            raise SourceVanishedError("the source is gone", where="memory")
        for id, page in sorted(self.pages.items()):
            yield DocumentRef(
                id=id,
                fingerprint=page.fingerprint,
                modified_at=MODIFIED_AT,
                access=page.access,
                title=page.title,
                uri=page.uri,
                problem=page.problem,
            )

    def fetch(self, id: str) -> Content:
        if id in self.unavailable:
            raise SourceUnavailableError("it does not answer", where=id)
        if id in self.unreadable or id not in self.pages:
            raise SourceError("permission denied", where=id)
        self.fetched.append(id)
        page = self.pages[id]
        return Content(f"{id}.{page.suffix}", page.text.encode())
