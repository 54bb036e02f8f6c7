"""Several rankings into one, the same way for every store and every time."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest

from rag.index.port import ScoredId

Pair = tuple[int, float]
"""A chunk's id and its score: hundreds of them are sorted for each search, and objects would cost more."""


def ranked(hits: Iterable[Pair], limit: int) -> list[ScoredId]:
    """The best ``limit``; equal scores by id. An engine orders equals by where they happen to lie."""
    best = nsmallest(limit, [(-score, id) for id, score in hits])
    return [ScoredId(id, -score) for score, id in best]


def reciprocal_ranks(legs: Iterable[Iterable[int]], *, k: int, limit: int) -> list[ScoredId]:
    """Reciprocal rank fusion of ids, best first: each leg adds 1 / (k + rank), with ranks from 0 as Qdrant counts
    them.

    Source: Cormack, Clarke and Büttcher, SIGIR 2009, who count from 1: their k is this one less 1.
    """
    fused: dict[int, float] = {}
    for leg in legs:
        for place, id in enumerate(leg, start=k):
            fused[id] = fused.get(id, 0.0) + 1 / place
    return ranked(fused.items(), limit)
