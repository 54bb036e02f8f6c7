"""What the application gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rag.retrieval.reads import Passage


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that the principal may read.

    ``rank`` starts at 1; ``score`` orders hits of one search and means nothing between searches. ``document``
    is ``<source>/<id>``. ``span`` are the characters ``[start, end)`` of the document's text as it was parsed;
    ``page`` starts at 1 and is None where the format has none.
    """

    rank: int
    score: float
    document: str
    title: str
    uri: str | None
    text: str
    modified_at: datetime | None
    span: tuple[int, int]
    page: int | None
    heading_path: tuple[str, ...]

    @classmethod
    def of(cls, rank: int, score: float, row: Passage) -> Hit:
        return cls(
            rank=rank,
            score=score,
            document=row.document,
            title=row.title,
            uri=row.uri,
            text=row.text,
            modified_at=row.modified_at,
            span=(row.start, row.end),
            page=row.page,
            heading_path=tuple(row.heading_path),
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "score": self.score,
            "document": self.document,
            "title": self.title,
            "uri": self.uri,
            "text": self.text,
            "modified_at": self.modified_at.isoformat() if self.modified_at else None,
            "span": list(self.span),
            "page": self.page,
            "heading_path": list(self.heading_path),
        }
