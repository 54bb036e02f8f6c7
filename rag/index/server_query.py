"""Our queries in a Qdrant server's terms: the versions of a point, and who may see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from qdrant_client import models

from rag.errors import IndexStoreError
from rag.index.port import IndexQuery, SparseVector, Visibility
from rag.index.server_wire import Quantization
from rag.index.term_counts import unscaled

DENSE, SPARSE = "dense", "bm25"
_CHUNK_BITS = 40
_NOTHING = models.Filter(must=[models.FieldCondition(key="rule", match=models.MatchAny(any=[-1]))])


def point_id(chunk: int, since: int) -> int:
    """The id of a chunk's point. A chunk that is written anew in a later version is another point,
    so that the versions before keep theirs."""
    if not 0 <= chunk < 1 << _CHUNK_BITS or not 0 < since < 1 << (63 - _CHUNK_BITS):
        raise IndexStoreError(f"chunk {chunk} of version {since} has no place in the index")
    return since << _CHUNK_BITS | chunk


def chunk_of(point: models.ExtendedPointId) -> int:
    """The chunk of a point id."""
    return int(point) & ((1 << _CHUNK_BITS) - 1)


def legs(
    query: IndexQuery, version: int, quantization: Quantization, lengths: Sequence[int]
) -> list[models.QueryRequest]:
    """One request for each of the query's vectors, that of the words last, for so many points each; version and
    visibility are in each, before any ranking."""
    visible = visibility_filter(query.visibility, query.match, version)
    found = []
    if query.dense is not None:
        nearest = models.NearestQuery(nearest=query.dense.tolist())
        found.append(
            models.QueryRequest(
                query=nearest, using=DENSE, filter=visible, params=_rescoring(quantization), limit=lengths[0]
            )
        )
    if query.sparse is not None and query.has_terms:
        # IDF over what the reader may see, so that hidden text cannot move a score.
        weights, corpus = query.sparse, _NOTHING
        if query.weighted:
            weights = unscaled(weights)
        else:
            corpus = visibility_filter(query.visibility, {}, version)
        matching = models.NearestQuery(nearest=sparse_vector(weights))
        idf = models.SearchParams(idf=models.IdfCorpusParams(corpus=corpus))
        found.append(
            models.QueryRequest(query=matching, using=SPARSE, filter=visible, params=idf, limit=lengths[-1])
        )
    return found


def visibility_filter(visibility: Visibility, match: Mapping[str, str], version: int) -> models.Filter:
    """Exactly the version's points that ``Visibility`` calls visible, narrowed by ``match``.

    At least one rule or grant is needed: a list that is empty is never sent.
    """
    ways: list[models.Condition] = []
    if visibility.rules:
        unmoved = [among("document_id", visibility.moved)] if visibility.moved else None
        ways.append(models.Filter(must=[among("rule", visibility.rules)], must_not=unmoved))
    if visibility.granted:
        ways.append(among("document_id", visibility.granted))
    narrowed = [equal(key, value) for key, value in match.items()]
    return in_version(version, models.Filter(should=ways), *narrowed)


def in_version(version: int, *more: models.Condition) -> models.Filter:
    """The points that belong to ``version``: written by then, and not ended by then."""
    return models.Filter(must=[at_most("since", version), *more], must_not=[at_most("until", version)])


def having(*conditions: models.Condition) -> models.Filter:
    """The points that meet all of these."""
    return models.Filter(must=list(conditions))


def at_most(key: str, number: int) -> models.FieldCondition:
    """Holds a number no greater; a point without one does not match."""
    return models.FieldCondition(key=key, range=models.Range(lte=number))


def above(key: str, number: int) -> models.FieldCondition:
    """Holds a number that is greater; a point without one does not match."""
    return models.FieldCondition(key=key, range=models.Range(gt=number))


def among(key: str, numbers: Collection[int]) -> models.FieldCondition:
    """Holds one of these numbers."""
    return models.FieldCondition(key=key, match=models.MatchAny(any=sorted(numbers)))


def equal(key: str, value: str | int) -> models.FieldCondition:
    """Holds this value."""
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def sparse_vector(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _rescoring(quantization: Quantization) -> models.SearchParams | None:
    if quantization == "none":
        return None
    # Twice as many are found by their small vectors, and ordered by their whole ones.
    small = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
    return models.SearchParams(quantization=small)
