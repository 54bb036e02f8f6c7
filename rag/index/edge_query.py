"""Our queries in Qdrant Edge's terms."""

from __future__ import annotations

from collections.abc import Mapping

import qdrant_edge as edge

from rag.index.port import IndexQuery, SparseVector, Visibility

DENSE, SPARSE = "dense", "bm25"


def request(query: IndexQuery) -> edge.QueryRequest:
    """The engine's request: the visibility filter is inside every leg, before any ranking."""
    visible = visibility_filter(query.visibility, query.match)
    legs = []
    if query.dense is not None:
        legs.append(
            edge.Prefetch(
                limit=max(query.candidates, query.limit),
                query=edge.Query.Nearest(query.dense.tolist(), using=DENSE),
                filter=visible,
            )
        )
    if query.sparse is not None and query.sparse.indices:
        legs.append(
            edge.Prefetch(
                limit=max(query.candidates, query.limit),
                query=edge.Query.Nearest(sparse_vector(query.sparse), using=SPARSE),
                filter=visible,
                params=idf_over_visible(query.visibility),
            )
        )
    if len(legs) == 1:
        (leg,) = legs
        return edge.QueryRequest(
            limit=query.limit, query=leg.query, filter=visible, params=leg.params, with_payload=False
        )
    return edge.QueryRequest(
        # All that the legs found, not only the best: the engine puts equal sums in any order, another with
        # every call, so the caller has to see every one of them before it cuts.
        limit=len(legs) * max(query.candidates, query.limit),
        query=edge.Fusion.Rrf(query.rrf_k),  # type: ignore[arg-type]  # its stubs leave this variant out
        prefetches=legs,
        with_payload=False,
    )


def idf_over_visible(visibility: Visibility) -> edge.SearchParams:
    """IDF over what the reader may see, so that hidden text cannot move a score.

    Exact, at a cost that grows with what is visible.
    """
    return edge.SearchParams(idf=edge.IdfParams(corpus=visibility_filter(visibility, {})))


def visibility_filter(visibility: Visibility, match: Mapping[str, str]) -> edge.Filter:
    """Exactly the points that ``Visibility`` calls visible, narrowed by ``match``."""
    by_rule = edge.FieldCondition(key="rule", match=edge.MatchAny(sorted(visibility.rules)))
    narrowed = [edge.FieldCondition(key=key, match=edge.MatchValue(value)) for key, value in match.items()]
    if not visibility.moved:
        return edge.Filter(must=[by_rule, *narrowed])
    unmoved = edge.Filter(
        must=[by_rule],
        must_not=[edge.FieldCondition(key="document_id", match=edge.MatchAny(sorted(visibility.moved)))],
    )
    granted = edge.FieldCondition(key="document_id", match=edge.MatchAny(sorted(visibility.granted)))
    return edge.Filter(must=[edge.Filter(should=[unmoved, granted]), *narrowed])


def sparse_vector(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(indices=list(vector.indices), values=list(vector.values))
