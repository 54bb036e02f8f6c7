"""The same answer from all indexes that hold the same visible points, whatever else they hold and wherever it lies.

Two things an engine leaves open. It adds up a lexical score in 32 bits and in an order of its own, so that the last
bits differ between two indexes of the same text. And which of several equal scores it drops at the end of a list
depends on where they lie. Either would let somebody tell that hidden documents are there, and change rankings from
one version to the next. Here scores that cannot be told apart are equals, which come by id, and a list is followed
until they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import fsum

from rag.index.fusion import Pair, ranked, reciprocal_ranks
from rag.index.port import IndexQuery, ScoredId, SparseVector

Ask = Callable[[IndexQuery, int], list[list[Pair]]]
"""The legs of a query, that of the words last, each best first and at most so long."""
TermsOf = Callable[[list[int]], Mapping[int, SparseVector]]
"""The words of points."""

_SPARE = 28
_LONGEST = 10_000
"""A list is not followed further than this: among more equals than that, the engine's choice stands."""


def leg_length(query: IndexQuery) -> int:
    """A leg that is to be fused is ``candidates`` long; one alone is as long as the answer."""
    fused = query.dense is not None and query.has_terms
    return max(query.candidates, query.limit) if fused else query.limit


def answer(query: IndexQuery, ask: Ask, terms_of: TermsOf) -> list[ScoredId]:
    """What ``query`` finds, by what the engine says to ``ask`` and ``terms_of``."""
    length = leg_length(query)
    alone = [replace(query, sparse=None)] if query.dense is not None else []
    if query.has_terms:
        alone.append(replace(query, dense=None))
    if not alone:
        return []
    legs = []
    for one, leg in zip(alone, ask(query, length + _SPARE), strict=True):
        sums = _Sums(one, terms_of)
        legs.append(_followed(leg, length, sums, one, ask))
    if len(legs) == 1:
        pairs = [pair for equals in legs[0] for pair in equals]
        return ranked(sums.of(pairs) if sums.noise else pairs, query.limit)
    orders = [[id for equals in leg for id in sorted(id for id, _ in equals)][:length] for leg in legs]
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


def _followed(leg: list[Pair], length: int, sums: _Sums, query: IndexQuery, ask: Ask) -> list[list[Pair]]:
    """The first ``length`` of the leg of ``query`` and all that equal the last of them, as groups of equals, best
    first."""
    longer = length + _SPARE
    while True:
        groups, before = _groups(leg, sums), 0
        for place, equals in enumerate(groups):
            # The last group may go on beyond the end of the list.
            if before + len(equals) >= length and (place < len(groups) - 1 or len(leg) < longer):
                return groups[: place + 1]
            before += len(equals)
        if len(leg) < longer or longer >= _LONGEST:
            return groups
        longer *= 4
        [leg] = ask(query, longer)


def _groups(leg: list[Pair], sums: _Sums) -> list[list[Pair]]:
    """``leg`` parted where a score falls by more than the engine may err: the same for every order of its sums."""
    if not leg:
        return []
    groups = [[leg[0]]]
    for (_, higher), pair in pairwise(leg):
        # Both scores may be off, so that a gap is known to twice the noise.
        gap, unit = higher - pair[1], 2 * sums.noise * higher
        apart = gap > 4 * unit or (gap > 2 * unit and _apart(leg, higher, pair[1], sums))
        if apart:
            groups.append([])
        groups[-1].append(pair)
    return groups


def _apart(leg: list[Pair], higher: float, lower: float, sums: _Sums) -> bool:
    """Whether what has ``lower`` or a little less is, exactly, further from what has ``higher`` or a little more
    than three times what a gap may be off by."""
    near = 2 * sums.noise * higher
    above = sums.of(pair for pair in leg if higher <= pair[1] <= higher + near)
    below = sums.of(pair for pair in leg if lower - near <= pair[1] <= lower)
    # What is erased meanwhile has no words any more.
    least = min((score for _, score in above), default=higher)
    return least - max((score for _, score in below), default=lower) > 6 * sums.noise * least


def _pairs(terms: SparseVector) -> Iterable[tuple[int, float]]:
    return zip(terms.indices, terms.values, strict=True)
