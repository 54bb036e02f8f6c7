"""Generations: versions that share embedder and chunker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from rag.catalog.tables import Generation


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """What makes vectors comparable: fingerprints of embedder, chunker and BM25, and the dimension."""

    embedder: str
    chunker: str
    bm25: str
    dimension: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


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
