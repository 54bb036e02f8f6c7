"""``rank_bm25.BM25Okapi``, asked by postings instead of by a walk over every passage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rank_bm25 import BM25Okapi

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Okapi:
    """What ``BM25Okapi`` learned of a corpus of ``size`` passages, turned by word.

    ``spans`` maps a word to its part of ``passages`` (the numbers of those that hold it) and of ``weights``
    (what it adds to the score of each).
    """

    size: int
    spans: dict[str, slice]
    passages: npt.NDArray[np.int32]
    weights: Floats

    def scores(self, query: Sequence[str]) -> tuple[Integers, Floats]:
        """The passages that share a word with ``query``, ascending, and their scores.

        The scores equal ``BM25Okapi.get_scores`` to the last bit; every other passage scores 0 there.
        """
        total = np.zeros(self.size)
        found = np.zeros(self.size, dtype=np.bool_)
        for word in query:
            if word in self.spans:
                passages = self.passages[self.spans[word]]
                total[passages] += self.weights[self.spans[word]]
                found[passages] = True
        touched = np.flatnonzero(found)
        return touched, total[touched]


def learn(passages: Sequence[Sequence[str]]) -> Okapi:
    """Indexes tokenized passages, each of at least one word, with ``BM25Okapi`` (k1 1.5, b 0.75).

    Without passages there is nothing to find; ``BM25Okapi`` itself would divide by zero.
    """
    if not passages:
        return Okapi(0, {}, np.empty(0, dtype=np.int32), np.empty(0))
    model = BM25Okapi(passages)
    held: dict[str, tuple[list[int], list[int]]] = {}
    for number, frequencies in enumerate(model.doc_freqs):
        for word, frequency in frequencies.items():
            places, counts = held.setdefault(word, ([], []))
            places.append(number)
            counts.append(frequency)
    # what follows is the formula as get_scores writes it: the same operations give the same bits
    saturation = model.k1 * (1 - model.b + model.b * np.array(model.doc_len) / model.avgdl)
    size = sum(len(places) for places, _ in held.values())
    numbers, weights = np.empty(size, dtype=np.int32), np.empty(size)
    spans: dict[str, slice] = {}
    start = 0
    for word, (places, counts) in held.items():
        span = slice(start, start + len(places))
        count = np.array(counts)
        numbers[span] = places
        weights[span] = model.idf[word] * (count * (model.k1 + 1) / (count + saturation[numbers[span]]))
        spans[word] = span
        start = span.stop
    return Okapi(len(passages), spans, numbers, weights)
