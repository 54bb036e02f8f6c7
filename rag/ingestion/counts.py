"""What an ingest did, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


@dataclass(slots=True)
class DocumentCounts:
    """Numbers of documents. ``quarantined`` counts all that this listing keeps out, old and new."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    access_changed: int = 0

    def __add__(self, other: DocumentCounts) -> DocumentCounts:
        return DocumentCounts(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )

    def to_dict(self) -> dict[str, int]:
        return asdict(self)
