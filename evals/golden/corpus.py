"""The corpus of golden questions, as the catalog has it now."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlmodel import col

from rag.access import Subject
from rag.catalog import Catalog, load_access
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision


class CatalogCorpus:
    """Documents, who may read them, and their text: see ``findings.Corpus``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        with catalog.connect() as connection:
            self._view = load_access(connection)
            rows = connection.execute(
                select(col(Document.key), col(Document.state), col(Document.rule_id), col(Document.source))
            ).all()
        self._states = {row.key: row.state for row in rows}
        self._rules = {row.key: row.rule_id for row in rows}
        self.source_of = {row.key: row.source for row in rows}

    def documents(self) -> set[str]:
        return set(self._states)

    def active(self) -> list[str]:
        """The keys of the documents that can be found now, in order."""
        return sorted(document for document in self._states if self.is_active(document))

    def is_active(self, document: str) -> bool:
        return self._states.get(document) == DocumentState.ACTIVE

    def may_read(self, principal: str, document: str) -> bool:
        return self._view.may_read(Subject(principal), self._rules.get(document))

    def sees_anything(self, principal: str) -> bool:
        return any(self.may_read(principal, document) for document in self.active())

    def passages(self, document: str) -> Sequence[str]:
        return [text for text, _, _ in self.passages_with_headings(document)]

    def length(self, document: str) -> int:
        with self._catalog.connect() as connection:
            return (
                connection.scalar(
                    select(func.max(col(ChunkRow.end)))
                    .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
                    .join(Document, col(Revision.document_id) == col(Document.id))
                    .where(col(Document.key) == document, col(Revision.until).is_(None))
                )
                or 0
            )

    def passages_with_headings(self, document: str) -> list[tuple[str, list[str], tuple[int, int]]]:
        """Text, heading path and characters of each, in order; none where the document is not there now."""
        with self._catalog.connect() as connection:
            rows = connection.execute(
                select(col(ChunkRow.text), col(ChunkRow.heading_path), col(ChunkRow.start), col(ChunkRow.end))
                .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
                .join(Document, col(Revision.document_id) == col(Document.id))
                .where(
                    col(Document.key) == document,
                    col(Document.state) == DocumentState.ACTIVE,
                    col(Revision.until).is_(None),
                )
                .order_by(col(ChunkRow.ordinal))
            ).all()
        return [(row.text, row.heading_path, (row.start, row.end)) for row in rows]
