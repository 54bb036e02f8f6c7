"""Document frequencies by rule, against counting one by one."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index import SparseVector
from rag.index.term_counts import RevisionTerms, TermCounts, VisibleCounts, unscaled

HIGHEST = 2**32 - 1


def revision(rule: int, *chunks: tuple[int, ...]) -> RevisionTerms:
    counts = Counter(term for chunk in chunks for term in chunk)
    return RevisionTerms(
        rule,
        len(chunks),
        np.array(sorted(counts), dtype=np.uint32),
        np.array([counts[term] for term in sorted(counts)], dtype=np.uint32),
    )


def weights(counts: VisibleCounts, *terms: int) -> tuple[float, ...]:
    return counts.weighted(SparseVector(terms, (1.0,) * len(terms))).values


def test_a_term_weighs_by_the_chunks_that_the_reader_may_see() -> None:
    # Under rules 1 and 2 are four chunks; three have term 7, one has term 8, none has term 9.
    counts = TermCounts.of([revision(1, (7,), (7, 8)), revision(2, (7,), (5,)), revision(3, (8,), (9,))])
    seen = VisibleCounts([counts], frozenset({1, 2}))
    assert seen.chunks == 4
    assert weights(seen, 7, 8, 9) == pytest.approx(
        (log(1 + 1.5 / 3.5), log(1 + 3.5 / 1.5), log(1 + 4.5 / 0.5))
    )


def test_the_weights_of_the_query_are_kept() -> None:
    seen = VisibleCounts([TermCounts.of([revision(1, (7,))])], frozenset({1}))
    once, twice = seen.weighted(SparseVector((7, 7), (1.0, 2.0))).values
    assert twice == 2 * once == pytest.approx(2 * log(1 + 0.5 / 1.5))


def test_who_may_see_nothing_has_no_chunks() -> None:
    counts = TermCounts.of([revision(1, (7,))])
    for rules in (frozenset[int](), frozenset({2}), frozenset({-1}), frozenset({99})):
        seen = VisibleCounts([counts], rules)
        assert seen.chunks == 0
        assert weights(seen, 7) == pytest.approx((log(2),))


def test_of_nothing_there_is_nothing() -> None:
    seen = VisibleCounts([TermCounts.of([])], frozenset({1}))
    assert seen.chunks == 0
    assert weights(seen, 7) == pytest.approx((log(2),))
    assert VisibleCounts([], frozenset({1})).chunks == 0
    assert seen.weighted(SparseVector((), ())) == SparseVector((), ())


def test_the_highest_term_and_the_lowest_are_no_others() -> None:
    counts = TermCounts.of([revision(1, (0,), (0, HIGHEST), (1,))])
    seen = VisibleCounts([counts], frozenset({1}))
    assert weights(seen, 0, HIGHEST) == pytest.approx((log(1 + 1.5 / 2.5), log(1 + 2.5 / 1.5)))


def test_layers_add_up() -> None:
    """A document moves from rule 1 to rule 2."""
    moved = revision(1, (7,), (8,))
    base = TermCounts.of([moved, revision(1, (7,))])
    overlay = TermCounts.of([moved._replace(rule=2)], removed=[moved])
    before, after = (
        VisibleCounts([base, overlay], frozenset({1})),
        VisibleCounts([base, overlay], frozenset({2})),
    )
    assert (before.chunks, after.chunks) == (1, 2)
    assert weights(before, 7, 8) == pytest.approx((log(1 + 0.5 / 1.5), log(1 + 1.5 / 0.5)))
    assert weights(after, 7, 8) == pytest.approx((log(1 + 1.5 / 1.5), log(1 + 1.5 / 1.5)))


def test_what_is_unscaled_is_itself_once_it_is_multiplied_by_ln_2() -> None:
    assert unscaled(SparseVector((7,), (log(2),))).values == pytest.approx((1.0,))


chunks = st.lists(st.lists(st.integers(0, 5), unique=True).map(tuple), min_size=1, max_size=3)
revisions = st.lists(
    st.builds(lambda rule, each: revision(rule, *each), st.integers(1, 4), chunks), max_size=6
)


@settings(database=None, deadline=None)
@given(revisions, revisions, revisions, st.frozensets(st.integers(0, 5)))
def test_counts_come_and_go_as_if_counted_anew(
    stay: list[RevisionTerms], go: list[RevisionTerms], come: list[RevisionTerms], rules: frozenset[int]
) -> None:
    changed = TermCounts.of(stay + go).plus(TermCounts.of(come, removed=go))
    anew = TermCounts.of(stay + come)
    for one, other in zip(
        (changed.keys, changed.counts, changed.rules, changed.chunks),
        (anew.keys, anew.counts, anew.rules, anew.chunks),
        strict=True,
    ):
        assert one.tolist() == other.tolist()
    seen = VisibleCounts([changed], rules)
    mine = [each for each in stay + come if each.rule in rules]
    total = sum(each.chunks for each in mine)
    assert seen.chunks == total
    for term in range(6):
        having = sum(int(each.counts[each.terms == term].sum()) for each in mine)
        assert weights(seen, term) == pytest.approx((log(1 + (total - having + 0.5) / (having + 0.5)),))
