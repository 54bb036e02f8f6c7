"""The text of passages by their place, as a version has it."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision


class PassageTexts:
    """``texts(document, start, end)``: those characters of a document's parsed text in ``version``, or None.

    None too where no passage holds them whole, and for a document that was purged. Each document is read once.
    """

    def __init__(self, catalog: Catalog, version: int) -> None:
        self._catalog = catalog
        self._version = version
        self._known: dict[str, list[tuple[int, int, str]]] = {}

    def __call__(self, document: str, start: int, end: int) -> str | None:
        if document not in self._known:
            self._known[document] = self._read(document)
        for begin, stop, text in self._known[document]:
            # a passage's text is that of its span, but where white space was folded
            if begin <= start and end <= stop and stop - begin == len(text):
                return text[start - begin : end - begin]
            if (begin, stop) == (start, end):
                return text
        return None

    def _read(self, document: str) -> list[tuple[int, int, str]]:
        with self._catalog.connect() as connection:
            rows = connection.execute(
                select(col(ChunkRow.start), col(ChunkRow.end), col(ChunkRow.text))
                .join(Revision, col(ChunkRow.revision_id) == col(Revision.id))
                .join(Document, col(Revision.document_id) == col(Document.id))
                .where(
                    col(Document.key) == document,
                    col(Document.state) != DocumentState.PURGED,
                    alive_at(self._version),
                )
                .order_by(col(ChunkRow.ordinal))
            ).all()
        return [(row.start, row.end, row.text) for row in rows]
