"""How a question becomes a ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """``candidates``: length of each leg before fusion. ``rrf_k``: see ``IndexQuery``."""

    candidates: int = 100
    rrf_k: int = 10

    @classmethod
    def of(cls, values: Mapping[str, int] | None) -> RetrievalSettings | None:
        """From ``to_dict``; None for None, as releases of old have none."""
        return None if values is None else cls(candidates=values["candidates"], rrf_k=values["rrf_k"])

    def to_dict(self) -> dict[str, int]:
        return {"candidates": self.candidates, "rrf_k": self.rrf_k}
