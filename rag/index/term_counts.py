"""In how many chunks a term is, by access rule: IDF over what a reader may see, at the cost of a lookup.

Every chunk is under exactly one rule, so document frequencies add up over rules. The engine can work IDF out over
what a filter lets through, but reads all of that for every query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log, log1p
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from rag.index.port import SparseVector

Integers = npt.NDArray[np.int64]
_Key = TypeVar("_Key", np.uint64, np.int64)
_SHIFT = np.uint64(32)
_RULE = np.uint64(2**32 - 1)


class RevisionTerms(NamedTuple):
    """The chunks of one revision: under which rule, how many, and each term with the number of those that have it.

    ``terms`` and ``counts`` are of one length; terms are at least 0 and below 2^32.
    """

    rule: int
    chunks: int
    terms: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class TermCounts:
    """Counts by term and rule, as sums. Immutable; safe to share.

    ``keys`` ascend: a term's number in the upper half, a rule's id in the lower. ``counts`` may be negative, in
    what is to be added to another.
    """

    keys: npt.NDArray[np.uint64]
    counts: Integers
    rules: Integers
    """Ids of rules, ascending, and in ``chunks`` the number of chunks under each."""
    chunks: Integers

    @classmethod
    def of(cls, added: Iterable[RevisionTerms], removed: Iterable[RevisionTerms] = ()) -> TermCounts:
        """The counts over the revisions ``added``, less those over ``removed``."""
        keys, counts, rules, chunks = [], [], [], []
        for sign, revisions in ((1, added), (-1, removed)):
            for each in revisions:
                keys.append((each.terms.astype(np.uint64) << _SHIFT) | np.uint64(each.rule))
                counts.append(each.counts.astype(np.int64) * sign)
                rules.append(each.rule)
                chunks.append(each.chunks * sign)
        return cls(
            *_summed(
                np.concatenate(keys) if keys else np.empty(0, np.uint64),
                np.concatenate(counts) if counts else np.empty(0, np.int64),
            ),
            *_summed(np.array(rules, dtype=np.int64), np.array(chunks, dtype=np.int64)),
        )

    def plus(self, other: TermCounts) -> TermCounts:
        """The sum; what comes to nothing is left out."""
        if not len(other.keys) and not len(other.rules):
            return self
        return TermCounts(
            *_summed(np.concatenate([self.keys, other.keys]), np.concatenate([self.counts, other.counts])),
            *_summed(np.concatenate([self.rules, other.rules]), np.concatenate([self.chunks, other.chunks])),
        )


class VisibleCounts:
    """Sums of ``TermCounts`` as one reader sees them, who may read what is under ``rules``."""

    def __init__(self, layers: Sequence[TermCounts], rules: frozenset[int]) -> None:
        self._layers = layers
        length = max((int(layer.rules[-1]) + 1 for layer in layers if len(layer.rules)), default=0)
        self._mask = np.zeros(length, dtype=bool)
        wanted = np.fromiter(rules, dtype=np.int64, count=len(rules))
        self._mask[wanted[(wanted >= 0) & (wanted < length)]] = True
        self.chunks = sum(int(layer.chunks[self._mask[layer.rules]].sum()) for layer in layers)
        """How many chunks the reader may see."""

    def weighted(self, query: SparseVector) -> SparseVector:
        """``query`` with every weight multiplied by the term's IDF, ln(1 + (N - n + 0.5) / (n + 0.5)): ``n`` of
        the ``N`` chunks that the reader may see have the term.

        Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, with 1 added as Lucene does.
        """
        terms = np.array(query.indices, dtype=np.uint64) << _SHIFT
        found = [0] * len(query.indices)
        for layer in self._layers:
            starts = layer.keys.searchsorted(terms).tolist()
            ends = layer.keys.searchsorted(terms | _RULE, side="right").tolist()
            for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
                if start < end:
                    visible = self._mask[layer.keys[start:end] & _RULE]
                    found[place] += int(layer.counts[start:end][visible].sum())
        weights = [
            value * log1p((self.chunks - n + 0.5) / (n + 0.5))
            for value, n in zip(query.values, found, strict=True)
        ]
        return SparseVector(query.indices, tuple(weights))


def unscaled(weighted: SparseVector) -> SparseVector:
    """What to send to an engine that multiplies by IDF again, over a corpus of nothing: there it is ln 2."""
    return SparseVector(weighted.indices, tuple(value / log(2) for value in weighted.values))


def _summed(keys: npt.NDArray[_Key], numbers: Integers) -> tuple[npt.NDArray[_Key], Integers]:
    """Each key once, ascending, with the sum of its numbers; without those of 0."""
    if not len(keys):
        return keys, numbers
    order = np.argsort(keys, kind="stable")
    keys, numbers = keys[order], numbers[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.add.reduceat(numbers, starts)
    kept = sums != 0
    return keys[starts][kept], sums[kept]
