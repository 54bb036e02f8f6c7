"""Our queries in Qdrant Edge's terms. That they mean what they should is for the contract to say."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import qdrant_edge as edge

from rag.index import IndexQuery, SparseVector, Visibility
from rag.index.edge_query import legs, sparse_vector, visibility_filter

SEEN = Visibility(frozenset({3, 1}))
MOVED = Visibility(frozenset({3, 1}), frozenset({9, 8}), frozenset({8}))
DENSE = np.array([0.5, 0.25], dtype=np.float32)
WORDS = SparseVector((5, 9), (log(2), 3 * log(2)))
NARROW = {"format": "md"}


def test_both_legs_carry_the_whole_filter_and_the_length_and_bring_no_payload() -> None:
    dense, words = legs(IndexQuery(MOVED, 3, DENSE, WORDS, NARROW, weighted=True), [29, 31])
    narrowed = repr(visibility_filter(MOVED, NARROW))
    for leg, using, length in ((dense, "dense", 29), (words, "bm25", 31)):
        assert repr(leg.filter) == narrowed
        assert leg.limit == length
        assert leg.with_payload is False
        assert f'using="{using}"' in repr(leg.query)
    assert repr(dense.query) == repr(edge.Query.Nearest([0.5, 0.25], using="dense"))
    assert dense.params is None


def among(key: str, numbers: list[int]) -> edge.FieldCondition:
    return edge.FieldCondition(key=key, match=edge.MatchAny(numbers))


def test_the_filter_asks_for_the_rules() -> None:
    assert repr(visibility_filter(SEEN, {})) == repr(edge.Filter(must=[among("rule", [1, 3])]))


def test_a_filter_is_made_once() -> None:
    assert visibility_filter(MOVED, {}) is visibility_filter(MOVED, {})


def test_what_has_moved_is_taken_out_of_its_rule_and_back_in_where_it_is_granted() -> None:
    unmoved = edge.Filter(must=[among("rule", [1, 3])], must_not=[among("document_id", [8, 9])])
    wanted = edge.Filter(should=[unmoved, among("document_id", [8])])
    assert repr(visibility_filter(MOVED, {})) == repr(wanted)


def test_a_match_narrows_what_is_visible() -> None:
    narrow = [edge.FieldCondition(key=key, match=edge.MatchValue(key[:2])) for key in ("source", "format")]
    wanted = edge.Filter(must=[visibility_filter(MOVED, {}), *narrow])
    assert repr(visibility_filter(MOVED, {"source": "so", "format": "fo"})) == repr(wanted)


def test_the_corpus_of_words_that_are_weighted_is_nothing() -> None:
    (words,) = legs(IndexQuery(SEEN, 3, None, WORDS, NARROW, weighted=True), [3])
    nothing = edge.Filter(must=[among("rule", [-1])])
    assert repr(words.params) == repr(edge.SearchParams(idf=edge.IdfParams(corpus=nothing)))


@pytest.mark.parametrize("match", [{}, NARROW])
def test_the_corpus_of_words_that_are_not_is_all_that_is_visible(match: dict[str, str]) -> None:
    (words,) = legs(IndexQuery(MOVED, 3, None, WORDS, match), [3])
    assert repr(visibility_filter(MOVED, {})) in repr(words.params)


@pytest.mark.parametrize(("weighted", "values"), [(True, [1.0, 3.0]), (False, [log(2), 3 * log(2)])])
def test_weights_are_sent_divided_by_the_idf_of_nothing(weighted: bool, values: list[float]) -> None:
    (words,) = legs(IndexQuery(SEEN, 3, None, WORDS, weighted=weighted), [3])
    sent = edge.Query.Nearest(edge.SparseVector(indices=[5, 9], values=values), using="bm25")
    assert repr(words.query) == repr(sent)


@pytest.mark.parametrize("words", [None, SparseVector((), ())])
def test_without_words_there_is_no_leg_for_them(words: SparseVector | None) -> None:
    assert len(legs(IndexQuery(SEEN, 3, DENSE, words), [3])) == 1
    assert legs(IndexQuery(SEEN, 3, None, words), [3]) == []


def test_a_sparse_vector_keeps_its_terms_and_weights() -> None:
    sent = sparse_vector(WORDS)
    assert list(sent.indices) == [5, 9]
    assert list(sent.values) == pytest.approx(list(WORDS.values))
