"""Our queries in a Qdrant server's terms, word for word."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from qdrant_client import models

from rag.errors import IndexStoreError
from rag.index import IndexQuery, SparseVector, Visibility
from rag.index.server_query import (
    above,
    among,
    at_most,
    chunk_of,
    equal,
    having,
    in_version,
    legs,
    point_id,
    sparse_vector,
    visibility_filter,
)
from rag.index.server_wire import Quantization

HIGHEST_CHUNK, HIGHEST_VERSION = 2**40 - 1, 2**23 - 1
SEEN = Visibility(frozenset({3, 1}))
MOVED = Visibility(frozenset({3, 1}), frozenset({9, 8}), frozenset({8}))
DENSE = np.array([0.5, 0.25], dtype=np.float32)
WORDS = SparseVector((5, 9), (log(2), 3 * log(2)))


def field(key: str, **condition: object) -> dict[str, object]:
    return {"key": key, **condition}


def plain(some: object) -> object:
    """A model as it is sent."""
    assert isinstance(some, (models.Filter, models.QueryRequest, models.FieldCondition))
    return some.model_dump(exclude_unset=True, exclude_none=True)


BY_RULE = field("rule", match={"any": [1, 3]})
OF_8, OF_8_AND_9 = field("document_id", match={"any": [8]}), field("document_id", match={"any": [8, 9]})
SINCE, UNTIL = field("since", range={"lte": 7.0}), field("until", range={"lte": 7.0})


@pytest.mark.parametrize("chunk", [0, 1, 77, HIGHEST_CHUNK])
@pytest.mark.parametrize("version", [1, 2, HIGHEST_VERSION])
def test_a_point_is_a_chunk_and_the_version_that_it_came_with(chunk: int, version: int) -> None:
    point = point_id(chunk, version)
    assert point == version * 2**40 + chunk
    assert point < 2**63
    assert chunk_of(point) == chunk


@pytest.mark.parametrize(
    ("chunk", "version"),
    [
        (-1, 1),
        (HIGHEST_CHUNK + 1, 1),
        (HIGHEST_CHUNK + 2, 1),
        (1, 0),
        (1, -1),
        (1, HIGHEST_VERSION + 1),
        (1, HIGHEST_VERSION + 2),
    ],
)
def test_what_does_not_fit_into_a_point_has_no_place(chunk: int, version: int) -> None:
    with pytest.raises(IndexStoreError, match=f"chunk {chunk} of version {version} has no place"):
        point_id(chunk, version)


def test_the_filter_asks_for_version_and_rules() -> None:
    assert plain(visibility_filter(SEEN, {}, 7)) == {
        "must": [SINCE, {"should": [{"must": [BY_RULE]}]}],
        "must_not": [UNTIL],
    }


def test_what_has_moved_is_taken_out_of_its_rule_and_back_in_where_it_is_granted() -> None:
    assert plain(visibility_filter(MOVED, {}, 7)) == {
        "must": [SINCE, {"should": [{"must": [BY_RULE], "must_not": [OF_8_AND_9]}, OF_8]}],
        "must_not": [UNTIL],
    }


def test_without_a_rule_only_grants_are_asked_for() -> None:
    granted = Visibility(frozenset(), frozenset({9, 8}), frozenset({8}))
    assert plain(visibility_filter(granted, {}, 7)) == {
        "must": [SINCE, {"should": [OF_8]}],
        "must_not": [UNTIL],
    }


def test_a_match_narrows_what_is_visible() -> None:
    found = plain(visibility_filter(SEEN, {"source": "wiki", "format": "md"}, 7))
    assert found == {
        "must": [
            SINCE,
            {"should": [{"must": [BY_RULE]}]},
            field("source", match={"value": "wiki"}),
            field("format", match={"value": "md"}),
        ],
        "must_not": [UNTIL],
    }


def test_conditions_say_what_they_are_named_after() -> None:
    assert plain(at_most("since", 7)) == SINCE
    assert plain(above("until", 7)) == field("until", range={"gt": 7.0})
    assert plain(among("rule", {3, 1})) == BY_RULE
    assert plain(equal("source", "wiki")) == field("source", match={"value": "wiki"})
    assert plain(having(at_most("since", 7), among("rule", [1, 3]))) == {"must": [SINCE, BY_RULE]}
    assert plain(in_version(7)) == {"must": [SINCE], "must_not": [UNTIL]}
    assert sparse_vector(SparseVector((5,), (2.0,))) == models.SparseVector(indices=[5], values=[2.0])


def test_both_legs_carry_the_whole_filter_and_the_length() -> None:
    dense, words = legs(
        IndexQuery(SEEN, 3, DENSE, WORDS, {"format": "md"}, weighted=True), 7, "none", [29, 31]
    )
    narrowed = plain(visibility_filter(SEEN, {"format": "md"}, 7))
    assert plain(dense) == {
        "query": {"nearest": [0.5, 0.25]},
        "using": "dense",
        "filter": narrowed,
        "limit": 29,
    }
    sent = words.model_dump(exclude_unset=True, exclude_none=True)
    assert sent["query"]["nearest"]["indices"] == [5, 9]
    assert sent["query"]["nearest"]["values"] == pytest.approx([1.0, 3.0])
    assert (sent["using"], sent["filter"], sent["limit"]) == ("bm25", narrowed, 31)
    # IDF over nothing: no rule has a negative id.
    assert sent["params"] == {"idf": {"corpus": {"must": [field("rule", match={"any": [-1]})]}}}


def test_words_that_are_not_weighted_are_sent_as_they_are_with_what_is_visible_as_their_corpus() -> None:
    (words,) = legs(IndexQuery(MOVED, 3, None, WORDS, {"format": "md"}), 7, "none", [31])
    sent = words.model_dump(exclude_unset=True, exclude_none=True)
    assert sent["query"]["nearest"]["values"] == list(WORDS.values)
    assert sent["params"] == {"idf": {"corpus": plain(visibility_filter(MOVED, {}, 7))}}


@pytest.mark.parametrize("words", [None, SparseVector((), ())])
def test_without_words_there_is_no_leg_for_them(words: SparseVector | None) -> None:
    (dense,) = legs(IndexQuery(SEEN, 3, DENSE, words), 7, "none", [3])
    assert dense.using == "dense"
    assert legs(IndexQuery(SEEN, 3, None, words), 7, "none", [3]) == []


@pytest.mark.parametrize("quantization", ["scalar", "binary"])
def test_what_was_found_by_small_vectors_is_ordered_by_whole_ones(quantization: Quantization) -> None:
    (dense,) = legs(IndexQuery(SEEN, 3, DENSE), 7, quantization, [3])
    assert dense.model_dump(exclude_unset=True, exclude_none=True)["params"] == {
        "quantization": {"rescore": True, "oversampling": 2.0}
    }
