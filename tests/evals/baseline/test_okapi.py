import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from evals.baseline.okapi import learn

word = st.sampled_from("abcdefgh")


def test_one_word_in_one_of_three_passages_by_hand() -> None:
    passages, scores = learn([["apple", "pie"], ["plum", "jam"], ["rice", "tart"]]).scores(["apple"])
    # idf = ln(3 - 1 + 0.5) - ln(1 + 0.5); a passage of average length that holds the word once weighs 1
    assert passages.tolist() == [0]
    assert scores.tolist() == [pytest.approx(math.log(2.5 / 1.5))]


def test_nothing_is_found_in_an_empty_corpus() -> None:
    passages, scores = learn([]).scores(["apple"])
    assert passages.size == scores.size == 0


@settings(deadline=None)
@given(
    st.lists(st.lists(word, min_size=1, max_size=8), min_size=1, max_size=8), st.lists(word | st.just("z"))
)
def test_scores_equal_those_of_rank_bm25_to_the_last_bit(corpus: list[list[str]], query: list[str]) -> None:
    passages, scores = learn(corpus).scores(query)
    all_scores = np.zeros(len(corpus))
    all_scores[passages] = scores
    assert np.array_equal(all_scores, BM25Okapi(corpus).get_scores(query))
    assert passages.tolist() == [n for n, passage in enumerate(corpus) if set(passage) & set(query)]
