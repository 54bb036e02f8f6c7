"""The same answer from all indexes that hold the same visible points, whatever else they hold and wherever it lies.

Two things an engine leaves open. It adds up a lexical score in 32 bits and in an order of its own, so that the last
bits differ between two indexes of the same text. And which of several equal scores it drops at the end of a list
depends on where they lie. Either would let somebody tell that hidden documents are there, and change rankings from
one version to the next. Here scores that cannot be told apart are equals, which come by id, and a list is followed
until they end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, pairwise
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
        # Each step errs by at most 2^-24 of the sum: n - 1 additions, a product, and three roundings of the weight
        # on its way there. Of two numbers the sum is the same either way.
        count = len(self._weight_of)
        self.noise = (count + 4) * 2.0**-24 if count > 2 else 0.0
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
        ends = _ends(pairs, length, sums)
        # The last group may go on behind the end of the list.
        whole = len(pairs) < asked or asked >= _LONGEST
        if whole or (len(ends) > 1 and ends[-2] >= length):
            last = min(bisect_left(ends, length), len(ends) - 1)
            return pairs[: ends[last]], ends[: last + 1]
        asked *= 2
        [pairs] = ask(query, [asked])


def _ends(pairs: list[Pair], length: int, sums: _Sums) -> list[int]:
    """Where each group of equals ends, the last number being that of all pairs. A group ends where a score falls
    by more than the engine may err: for every order of its sums these are groups that bring the same ``length``
    ids first."""
    # Both scores of a gap may be off, so that it is known to twice the noise.
    unit = 2 * sums.noise
    scores = [score for _, score in pairs]
    ends = {
        place: higher - lower > 4 * unit * higher
        for place, (higher, lower) in enumerate(pairwise(scores), start=1)
        if higher - lower > 2 * unit * higher
    }
    certain = [place for place, sure in ends.items() if sure]
    unsure = [place for place, sure in ends.items() if not sure]
    asked = list(_that_matter(unsure, pairs, certain, length))
    if asked:
        ends.update(zip(asked, _apart(pairs, asked, sums), strict=True))
    return [*(place for place, ends_here in ends.items() if ends_here), len(pairs)]


def _that_matter(places: list[int], pairs: list[Pair], certain: list[int], length: int) -> Iterator[int]:
    """Those of the places where it changes the order whether a group ends there: their scores have to be summed
    anew, which costs more than the rest of all this. Groups end for ``certain``."""
    bounds = [0, *certain, len(pairs)]
    for number, within in groupby(places, partial(bisect_left, bounds)):
        start, end = bounds[number - 1], bounds[number]
        if start >= length:
            return
        between = list(within)
        ids = _ids(pairs[start:end], [*(place - start for place in between), end - start])
        if ids != sorted(ids):
            yield from between


def _ids(pairs: list[Pair], ends: list[int]) -> list[int]:
    """Best first; equals by id."""
    ids = [id for id, _ in pairs]
    for start, end in pairwise([0, *ends]):
        if end - start > 1:
            ids[start:end] = sorted(ids[start:end])
    return ids


def _apart(pairs: list[Pair], places: list[int], sums: _Sums) -> list[bool]:
    """For each place whether what has the score before it or a little more, and what has the score behind it or a
    little less, are exactly further from each other than three times what a gap may be off by."""
    around = []
    for place in places:
        higher, lower = pairs[place - 1][1], pairs[place][1]
        near = 2 * sums.noise * higher
        around.append([pair for pair in pairs if lower - near <= pair[1] <= higher + near])
    # Without what is erased meanwhile, which has no words any more.
    exact = dict(sums.of({pair for some in around for pair in some}))
    found = []
    for place, some in zip(places, around, strict=True):
        higher, lower = pairs[place - 1][1], pairs[place][1]
        least = min((exact[id] for id, score in some if score >= higher and id in exact), default=higher)
        most = max((exact[id] for id, score in some if score <= lower and id in exact), default=lower)
        found.append(least - most > 6 * sums.noise * least)
    return found


def _pairs(terms: SparseVector) -> Iterable[tuple[int, float]]:
    return zip(terms.indices, terms.values, strict=True)
