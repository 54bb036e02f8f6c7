"""Our queries in Qdrant Edge's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import qdrant_edge as edge

from rag.index.port import IndexQuery, SparseVector, Visibility
from rag.index.term_counts import unscaled

DENSE, SPARSE = "dense", "bm25"
_NOTHING = edge.Filter(must=[edge.FieldCondition(key="rule", match=edge.MatchAny([-1]))])


def legs(query: IndexQuery, lengths: Sequence[int]) -> list[edge.QueryRequest]:
    """One request for each of the query's vectors, that of the words last, for so many points each; the visibility
    filter is in each, before any ranking."""
    visible = visibility_filter(query.visibility, query.match)
    found = []
    if query.dense is not None:
        nearest = edge.Query.Nearest(query.dense.tolist(), using=DENSE)
        found.append(edge.QueryRequest(limit=lengths[0], query=nearest, filter=visible))
    if query.sparse is not None and query.has_terms:
        weights, corpus = query.sparse, _NOTHING
        if query.weighted:
            weights = unscaled(weights)
        else:
            corpus = visibility_filter(query.visibility, {})
        matching = edge.Query.Nearest(sparse_vector(weights), using=SPARSE)
        found.append(
            edge.QueryRequest(
                limit=lengths[-1],
                query=matching,
                filter=visible,
                params=edge.SearchParams(idf=edge.IdfParams(corpus=corpus)),
            )
        )
    return found


def visibility_filter(visibility: Visibility, match: Mapping[str, str]) -> edge.Filter:
    """Exactly the points that ``Visibility`` calls visible, narrowed by ``match``."""
    narrowed = [edge.FieldCondition(key=key, match=edge.MatchValue(value)) for key, value in match.items()]
    return edge.Filter(must=[_visible(visibility), *narrowed]) if narrowed else _visible(visibility)


@lru_cache
def _visible(visibility: Visibility) -> edge.Filter:
    by_rule = edge.FieldCondition(key="rule", match=edge.MatchAny(sorted(visibility.rules)))
    if not visibility.moved:
        return edge.Filter(must=[by_rule])
    unmoved = edge.Filter(
        must=[by_rule],
        must_not=[edge.FieldCondition(key="document_id", match=edge.MatchAny(sorted(visibility.moved)))],
    )
    granted = edge.FieldCondition(key="document_id", match=edge.MatchAny(sorted(visibility.granted)))
    return edge.Filter(should=[unmoved, granted])


def sparse_vector(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(indices=list(vector.indices), values=list(vector.values))
