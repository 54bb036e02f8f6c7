"""One answer, however an engine rounds and wherever the points lie."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import fsum

import numpy as np
import pytest

from rag.index import IndexQuery, ScoredId, SparseVector, Visibility
from rag.index.exact import answer, leg_length
from rag.index.fusion import Pair, reciprocal_ranks

ALL = Visibility(frozenset({1}))
WORDS = SparseVector((1, 2, 3, 4), (0.7, 1.1, 2.3, 0.4))
VECTOR = np.array([1, 0], dtype=np.float32)
NOISE = 8 * 2.0**-24
"""By what share of it a sum of ``WORDS`` may be off."""


class Engine:
    """Scores by word weights and by a dense score a point; rounds and orders equals by chance."""

    def __init__(
        self,
        terms: dict[int, SparseVector],
        dense: dict[int, float] | None = None,
        seed: int | None = None,
        gone: Sequence[int] = (),
    ) -> None:
        self.terms, self.dense, self.gone = terms, dense or {}, gone
        self.chance = random.Random(seed)
        self.noise = 0.0 if seed is None else NOISE
        self.lengths: list[tuple[str, int]] = []
        self.fetched: list[int] = []
        self.rounded = {id: self._sum(id) * (1 + self._share() * self.noise) for id in terms}
        self.calls, self.looks = 0, 0

    def ask(self, query: IndexQuery, lengths: Sequence[int]) -> list[list[Pair]]:
        self.calls += 1
        asked = [("dense", self.dense)] if query.dense is not None else []
        if query.has_terms:
            asked.append(("words", self.rounded))
        legs = []
        for (name, scores), length in zip(asked, lengths, strict=True):
            self.lengths.append((name, length))
            legs.append(self._best(scores, length))
        return legs

    def terms_of(self, ids: list[int]) -> dict[int, SparseVector]:
        self.looks += 1
        self.fetched += ids
        return {id: self.terms[id] for id in ids if id not in self.gone}

    def answer(self, query: IndexQuery) -> list[ScoredId]:
        return answer(query, self.ask, self.terms_of)

    def _share(self) -> float:
        """As far off as it may be, or something in between."""
        return self.chance.choice((-1.0, 1.0, self.chance.uniform(-1, 1)))

    def _sum(self, id: int) -> float:
        weight_of = dict(zip(WORDS.indices, WORDS.values, strict=True))
        terms = self.terms[id]
        return fsum(
            weight_of.get(term, 0.0) * value for term, value in zip(terms.indices, terms.values, strict=True)
        )

    def _best(self, scores: dict[int, float], length: int) -> list[Pair]:
        pairs = list(scores.items())
        self.chance.shuffle(pairs)
        return sorted(pairs, key=lambda pair: -pair[1])[:length]


def one_word(*values: float) -> dict[int, SparseVector]:
    """Points from 0 on with a weight each of the word that weighs 1.1."""
    return {id: SparseVector((2,), (value,)) for id, value in enumerate(values)}


def words(limit: int, *, weighted: bool = True) -> IndexQuery:
    return IndexQuery(ALL, limit=limit, sparse=WORDS, weighted=weighted)


def both(limit: int, candidates: int = 5) -> IndexQuery:
    return IndexQuery(
        ALL, limit=limit, dense=VECTOR, sparse=WORDS, weighted=True, candidates=candidates, rrf_k=1
    )


def test_a_leg_alone_is_as_long_as_the_answer_and_two_are_as_long_as_the_candidates() -> None:
    assert leg_length(words(7)) == 7
    assert leg_length(IndexQuery(ALL, limit=7, dense=VECTOR, candidates=50)) == 7
    assert leg_length(IndexQuery(ALL, limit=7, dense=VECTOR, sparse=SparseVector((), ()), candidates=50)) == 7
    assert leg_length(both(7, candidates=50)) == 50
    assert leg_length(both(70, candidates=50)) == 70


def test_without_a_vector_and_without_a_word_nothing_is_asked() -> None:
    engine = Engine({})
    assert engine.answer(IndexQuery(ALL, limit=5)) == []
    assert engine.answer(IndexQuery(ALL, limit=5, sparse=SparseVector((), ()), weighted=True)) == []
    assert engine.calls == 0


def test_where_nothing_is_found_nothing_comes_back() -> None:
    assert Engine({}).answer(words(5)) == []
    assert Engine({}).answer(both(5)) == []


def test_scores_of_words_are_exact_sums() -> None:
    engine = Engine({1: SparseVector((1, 2, 3), (0.1, 0.2, 0.3)), 2: SparseVector((4, 9), (0.5, 7.0))})
    engine.rounded = {1: 1.1, 2: 0.3}
    found = engine.answer(words(5))
    assert found == [ScoredId(1, fsum([0.7 * 0.1, 1.1 * 0.2, 2.3 * 0.3])), ScoredId(2, 0.4 * 0.5)]


@pytest.mark.parametrize(
    "query", [words(2, weighted=False), IndexQuery(ALL, 2, None, SparseVector((1, 2), (1, 1)), weighted=True)]
)
def test_what_cannot_be_summed_anew_or_need_not_be_is_left_as_it_is(query: IndexQuery) -> None:
    engine = Engine(one_word(0, 0, 0))
    engine.rounded = {0: 5.0, 1: 6.0, 2: 5.0}
    assert engine.answer(query) == [ScoredId(1, 6.0), ScoredId(0, 5.0)]
    assert engine.fetched == []


def test_equals_come_by_id_and_lists_are_followed_to_their_end() -> None:
    engine = Engine(one_word(*[3.0] * 500, 4.0), seed=1)
    assert [hit.id for hit in engine.answer(words(3))] == [500, 0, 1]
    assert engine.lengths == [("words", 31 * 2**n) for n in range(6)]


def test_a_list_of_equals_is_followed_no_further_than_ten_thousand() -> None:
    engine = Engine(one_word(*[3.0] * 40_000))
    assert len(engine.answer(words(3))) == 3
    assert engine.lengths[-1] == ("words", 15_872)
    assert len(engine.lengths) == 10


def test_a_list_is_not_followed_where_scores_fall() -> None:
    engine = Engine(one_word(*(100.0 - id / 10 for id in range(500))), seed=1)
    assert [hit.id for hit in engine.answer(words(3))] == [0, 1, 2]
    assert engine.lengths == [("words", 31)]


@pytest.mark.parametrize("values", [[9.0, 8.0, 7.0, *[3.0] * 60], [7.0] * 3 + [3.0] * 60])
def test_nor_where_a_group_ends_just_there(values: list[float]) -> None:
    engine = Engine(one_word(*values))
    assert [hit.id for hit in engine.answer(words(3))] == [0, 1, 2]
    assert engine.lengths == [("words", 31)]


def test_nor_where_it_holds_all_there_is() -> None:
    engine = Engine(one_word(*[3.0] * 30))
    assert [hit.id for hit in engine.answer(words(4))] == [0, 1, 2, 3]
    assert engine.lengths == [("words", 32)]


def test_only_the_leg_that_needs_it_is_followed() -> None:
    engine = Engine(one_word(*[3.0] * 90), {id: -float(id) for id in range(90)})
    assert [hit.id for hit in engine.answer(both(3))] == [0, 1, 2]
    assert engine.lengths == [("dense", 9), ("words", 33), ("words", 66), ("words", 132)]
    engine = Engine(one_word(*(9.0 - id / 20 for id in range(90))), dict.fromkeys(range(90), 0.5))
    assert [hit.id for hit in engine.answer(both(3))] == [0, 1, 2]
    assert engine.lengths == [
        ("dense", 9),
        ("words", 33),
        ("dense", 18),
        ("dense", 36),
        ("dense", 72),
        ("dense", 144),
    ]


def test_a_leg_is_cut_to_its_length_before_it_is_fused() -> None:
    engine = Engine(one_word(3.0, 3.0, 3.0), {0: 0.1, 1: 0.2, 2: 0.3})
    # The first two by word are 0 and 1, by vector 2 and 1.
    found = engine.answer(both(2, candidates=2))
    assert found == [ScoredId(0, 1.0), ScoredId(1, 1.0)]


def test_dense_scores_are_apart_by_their_last_bit() -> None:
    engine = Engine({}, {1: 0.5, 2: 0.5 + 2**-24, 3: 0.5})
    found = engine.answer(IndexQuery(ALL, limit=3, dense=VECTOR))
    assert [hit.id for hit in found] == [2, 1, 3]
    assert engine.fetched == []


def test_negative_dense_scores_are_ranked_as_well() -> None:
    engine = Engine({}, {1: -0.5, 2: -0.25, 3: -0.5, 4: 0.0})
    found = engine.answer(IndexQuery(ALL, limit=3, dense=VECTOR))
    assert [hit.id for hit in found] == [4, 2, 1]


def test_words_are_fetched_for_no_fusion_where_all_scores_are_far_apart_or_equal() -> None:
    engine = Engine(one_word(3.0, 3.0, 2.0, 2.0), {0: 0.1}, seed=1)
    engine.rounded = {0: 3.3, 1: 3.3, 2: 2.2, 3: 2.2}
    engine.answer(both(4))
    assert engine.looks == 0


def test_nor_where_it_would_not_change_the_order_whether_they_are_equal() -> None:
    gap = 6 * NOISE * 3  # a fall that may be none
    for values, length, fetched in (
        ((3.0, 3.0 - gap, 1.0), 3, []),
        ((3.0 - gap, 3.0, 1.0), 3, [0, 1]),
        ((5.0, 4.0, 3.0 - gap, 3.0), 2, []),
        ((5.0, 4.0, 3.5, 3.0 - gap, 3.0), 2, []),
        ((5.0, 4.0, 3.0 - gap, 3.0), 3, [2, 3]),
    ):
        engine = Engine(one_word(*values), {0: 0.1})
        engine.answer(both(1, candidates=length))
        assert sorted(engine.fetched) == fetched


def test_what_was_erased_meanwhile_is_in_nobodys_way() -> None:
    gap = 6 * NOISE * 3
    engine = Engine(one_word(3.0 - gap, 3.0), {0: 0.1}, gone=[0, 1])
    assert {hit.id for hit in engine.answer(both(4))} == {0, 1}
    assert engine.answer(words(4)) == []


@pytest.mark.parametrize("seed", range(30))
def test_no_rounding_changes_the_answer(seed: int) -> None:
    """Scores lie apart by about as much as can be told; each engine rounds them in another way."""
    chance = random.Random(seed)
    value, values = 3.0, []
    for _ in range(120):
        values.append(value)
        value *= 1 - NOISE * chance.choice((0, 0, 0.1, 1, 3, 5, 5.9, 5.99, 6, 6.01, 6.1, 7, 9, 20, 1e4))
    chance.shuffle(values)
    dense = {id: chance.random() for id in range(120)}
    exact = Engine(one_word(*values), dense)
    for query in (words(9), words(200), both(9), both(50, candidates=40)):
        expected = exact.answer(query)
        for rounding in range(8):
            assert Engine(one_word(*values), dense, seed=rounding).answer(query) == expected


@pytest.mark.parametrize(("count", "merged"), [(2, False), (3, True)])
def test_sums_of_three_may_be_off_and_sums_of_two_are_not(count: int, merged: bool) -> None:
    weights = SparseVector(tuple(range(count)), (1.0,) * count)
    query = IndexQuery(ALL, 2, VECTOR, weights, weighted=True, candidates=2)
    engine = Engine({0: SparseVector((0,), (1.0,)), 1: SparseVector((0,), (1.0,))}, {})
    engine.rounded = {0: 1.0, 1: 1.0 + 2**-23}
    found = [hit.id for hit in engine.answer(query)]
    assert found == ([0, 1] if merged else [1, 0])


def test_fusion_adds_the_reciprocals_of_ranks() -> None:
    assert reciprocal_ranks([[7, 5], [5]], k=2, limit=9) == [ScoredId(5, 1 / 3 + 1 / 2), ScoredId(7, 1 / 2)]
    assert reciprocal_ranks([[7, 5], [5]], k=2, limit=1) == [ScoredId(5, 1 / 3 + 1 / 2)]
    assert reciprocal_ranks([[7], [5]], k=2, limit=9) == [ScoredId(5, 1 / 2), ScoredId(7, 1 / 2)]
    assert reciprocal_ranks([[], []], k=2, limit=9) == []
