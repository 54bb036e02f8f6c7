"""Generations: versions that share embedder and chunker."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from rag.catalog.tables import Generation


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """What makes vectors comparable: fingerprints of embedder, chunker and BM25, and the dimension.

    ``recipe`` is what it takes to make embedder and BM25 again, as plain JSON values; it is no part of the digest.
    """

    embedder: str
    chunker: str
    bm25: str
    dimension: int
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        parts = {
            "embedder": self.embedder,
            "chunker": self.chunker,
            "bm25": self.bm25,
            "dimension": self.dimension,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def generation_id(session: Session, spec: GenerationSpec) -> int:
    """The id of this generation, which is stored if it is new."""
    known = session.scalar(select(col(Generation.id)).where(col(Generation.digest) == spec.digest))
    if known is not None:
        return known
    new = Generation(digest=spec.digest, settings=asdict(spec))
    session.add(new)
    session.flush()
    assert new.id is not None
    return new.id
