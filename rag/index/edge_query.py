"""Our queries in Qdrant Edge's terms."""

from __future__ import annotations

from collections.abc import Mapping

import qdrant_edge as edge

from rag.index.port import IndexQuery, SparseVector, Visibility

DENSE, SPARSE = "dense", "bm25"


def legs(query: IndexQuery) -> list[edge.QueryRequest]:
    """One request for each of the query's vectors; the visibility filter is in each, before any ranking.

    A leg that is to be fused is ``candidates`` long; one alone is as long as the answer.
    """
    visible = visibility_filter(query.visibility, query.match)
    has_terms = query.sparse is not None and bool(query.sparse.indices)
    alone = query.dense is None or not has_terms
    length = query.limit if alone else max(query.candidates, query.limit)
    found = []
    if query.dense is not None:
        nearest = edge.Query.Nearest(query.dense.tolist(), using=DENSE)
        found.append(edge.QueryRequest(limit=length, query=nearest, filter=visible, with_payload=False))
    if query.sparse is not None and has_terms:
        matching = edge.Query.Nearest(sparse_vector(query.sparse), using=SPARSE)
        corpus = visibility_filter(query.visibility, {}) if query.match else visible
        idf = idf_over_visible(corpus)
        found.append(
            edge.QueryRequest(limit=length, query=matching, filter=visible, params=idf, with_payload=False)
        )
    return found


def idf_over_visible(visible: edge.Filter) -> edge.SearchParams:
    """IDF over what the reader may see, so that hidden text cannot move a score.

    Exact, at a cost that grows with what is visible.
    """
    return edge.SearchParams(idf=edge.IdfParams(corpus=visible))


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
