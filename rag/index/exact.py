"""The same answer from all indexes that hold the same visible points, whatever else they hold and wherever it lies.

Two things an engine leaves open. It adds up a lexical score in 32 bits and in an order of its own, so that the last
bits differ between two indexes of the same text. And which of several equal scores it drops at the end of a list
depends on where they lie. Either would let somebody tell that hidden documents are there, and change rankings from
one version to the next. Here scores that cannot be told apart are equals, which come by id, and a list is followed
until they end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import fsum

from rag.index.fusion import Pair, ranked, reciprocal_ranks
from rag.index.port import IndexQuery, ScoredId, SparseVector

Ask = Callable[[IndexQuery, Sequence[int]], list[list[Pair]]]
"""The legs of a query, that of the words last, each best first and at most as long as the number in its place."""
TermsOf = Callable[[list[int]], Mapping[int, SparseVector]]
"""The words of points."""

# What is asked for beyond the length of a leg, to see whether equals go on behind its end. Every point more of a
# dense leg is a longer walk through the engine's graph, and its scores are seldom equal.
_SPARE_BY_VECTOR, _SPARE_BY_WORDS = 4, 28
_LONGEST = 10_000
"""A list is not followed further than this: among more equals than that, the engine's choice stands."""


def leg_length(query: IndexQuery) -> int:
    """A leg that is to be fused is ``candidates`` long; one alone is as long as the answer."""
    fused = query.dense is not None and query.has_terms
    return max(query.candidates, query.limit) if fused else query.limit


def answer(query: IndexQuery, ask: Ask, terms_of: TermsOf) -> list[ScoredId]:
    """What ``query`` finds, by what the engine says to ``ask`` and ``terms_of``."""
    length = leg_length(query)
    alone = [(replace(query, sparse=None), length + _SPARE_BY_VECTOR)] if query.dense is not None else []
    if query.has_terms:
        alone.append((replace(query, dense=None), length + _SPARE_BY_WORDS))
    if not alone:
        return []
    found = ask(query, [asked for _, asked in alone])
    legs = []
    for (one, asked), pairs in zip(alone, found, strict=True):
        sums = _Sums(one, terms_of)
        legs.append(_followed(pairs, asked, length, sums, one, ask))
    if len(legs) == 1:
        [(pairs, _)] = legs
        return ranked(sums.of(pairs) if sums.noise else pairs, query.limit)
    orders = [_ids(*leg)[:length] for leg in legs]
    return reciprocal_ranks(orders, k=query.rrf_k, limit=query.limit)


class _Sums:
    """How far the engine's scores may be off, and what they should be."""

    def __init__(self, query: IndexQuery, terms_of: TermsOf) -> None:
        words = query.sparse if query.weighted and query.has_terms else None
        self._terms_of = terms_of
        self._weight_of = dict(zip(words.indices, words.values, strict=True)) if words is not None else {}
        # Each step errs by at most 2^-24 of the sum. Of two numbers the sum is the same either way.
        count = len(self._weight_of)
        self.noise = (count + 4) * 2.0**-23 if count > 2 else 0.0
        """As a share of a score."""

    def of(self, pairs: Iterable[Pair]) -> list[Pair]:
        """With exact scores."""
        return [
            (id, fsum(self._weight_of.get(term, 0.0) * value for term, value in _pairs(terms)))
            for id, terms in self._terms_of([id for id, _ in pairs]).items()
        ]


def _followed(
    pairs: list[Pair], asked: int, length: int, sums: _Sums, query: IndexQuery, ask: Ask
) -> tuple[list[Pair], list[int]]:
    """The first ``length`` of the leg of ``query`` and all that equal the last of them, and where each group of
    equals ends. ``pairs`` is what is known of the leg, of which ``asked`` were asked for."""
    while True:
        ends = _ends(pairs, sums)
        # The last group may go on behind the end of the list.
        whole = len(pairs) < asked or asked >= _LONGEST
        if whole or (len(ends) > 1 and ends[-2] >= length):
            last = min(bisect_left(ends, length), len(ends) - 1)
            return pairs[: ends[last]], ends[: last + 1]
        asked *= 2
        [pairs] = ask(query, [asked])


def _ends(pairs: list[Pair], sums: _Sums) -> list[int]:
    """Where each group of equals ends, the last number being that of all pairs. A group ends where a score falls
    by more than the engine may err: these are the same groups for every order of its sums."""
    # Both scores of a gap may be off, so that it is known to twice the noise.
    unit = 2 * sums.noise
    scores = [score for _, score in pairs]
    return [
        place
        for place, (higher, lower) in enumerate(pairwise(scores), start=1)
        if (gap := higher - lower) > 4 * unit * higher
        or (gap > 2 * unit * higher and _apart(pairs, higher, lower, sums))
    ] + [len(pairs)]


def _ids(pairs: list[Pair], ends: list[int]) -> list[int]:
    """Best first; equals by id."""
    ids = [id for id, _ in pairs]
    for start, end in pairwise([0, *ends]):
        if end - start > 1:
            ids[start:end] = sorted(ids[start:end])
    return ids


def _apart(leg: list[Pair], higher: float, lower: float, sums: _Sums) -> bool:
    """Whether what has ``lower`` or a little less is, exactly, further from what has ``higher`` or a little more
    than three times what a gap may be off by."""
    near = 2 * sums.noise * higher
    around = [(id, score) for id, score in leg if lower - near <= score <= higher + near]
    exact = dict(sums.of(around))  # without what is erased meanwhile, which has no words any more
    least = min((exact[id] for id, score in around if score >= higher and id in exact), default=higher)
    most = max((exact[id] for id, score in around if score <= lower and id in exact), default=lower)
    return least - most > 6 * sums.noise * least


def _pairs(terms: SparseVector) -> Iterable[tuple[int, float]]:
    return zip(terms.indices, terms.values, strict=True)
