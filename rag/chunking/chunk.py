"""A passage of a document, as it is embedded, found and cited."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """Characters ``start`` to ``end`` of a document's text, which ``text`` holds exactly.

    ``ordinal`` counts from 0 within the document. ``heading_path`` is outermost first. ``page`` is that
    of the first element in it. ``context`` is what stands in front of the text when it is embedded: the
    document's title and the headings, and for the later parts of a table its header row.
    """

    ordinal: int
    text: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    page: int | None
    context: str

    @property
    def embedded_text(self) -> str:
        """What the embedder gets: the context, a line end, the text; just the text without a context."""
        return f"{self.context}\n{self.text}" if self.context else self.text
