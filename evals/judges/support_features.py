"""How far passages carry an answer: a few shares from 0 to 1, each of which another passage can only raise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.judges.support_words import Sentence, read
from rag.embedding import Vectors

_MEASURES = ("lexical", "pairs", "semantic", "numbers", "names")
FEATURES = (
    "lexical_min",
    "lexical_mean",
    "pairs_mean",
    "semantic_min",
    "semantic_mean",
    "numbers_min",
    "names_min",
)
"""A measure of a sentence, and whether its least value or its mean over the sentences of the answer is taken."""

_LEAST_SHARED = 0.25
_LEAST_QUOTED_WORDS = 4
_NEGATION_PENALTY = 0.5
_DECIMALS = 4  # a cosine depends in its last digits on what else was in the batch


@dataclass(frozen=True)
class Passage:
    """One passage, read once: its sentences, and what is in all of them."""

    sentences: tuple[Sentence, ...]

    @cached_property
    def sequence(self) -> str:
        return "".join(one.sequence for one in self.sentences).replace("  ", " ")

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(chain.from_iterable(one.keys for one in self.sentences))

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(chain.from_iterable(one.pairs for one in self.sentences))

    @cached_property
    def windows(self) -> tuple[frozenset[str], ...]:
        """The words of each sentence and the one after it."""
        keys = [one.keys for one in self.sentences]
        return tuple(one | after for one, after in zip(keys, [*keys[1:], frozenset[str]()], strict=True))

    def nearest(self, sentence: Sentence) -> Sentence | None:
        """The first of the sentences that share most words with ``sentence``; none if that is under a quarter."""
        best = max(self.sentences, key=lambda one: len(one.keys & sentence.keys), default=None)
        if best is None or len(best.keys & sentence.keys) < _LEAST_SHARED * len(sentence.keys):
            return None
        return best


def passage(text: str) -> Passage:
    return Passage(read(text))


def claims(answer: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """The sentences that say something ("Sure!" does not), or all of them if none does."""
    return tuple(one for one in answer if one.claims) or tuple(answer)


def quoted(sentence: Sentence, passages: Iterable[Passage]) -> bool:
    """Whether it stands word for word in a passage; fewer than four words prove nothing."""
    return sentence.sequence.count(" ") > _LEAST_QUOTED_WORDS and any(
        sentence.sequence in one.sequence for one in passages
    )


def texts_to_embed(answer: Sequence[Sentence], passages: Sequence[Passage]) -> set[str]:
    """What ``features`` needs the vectors of: at most one sentence of each passage for each sentence."""
    texts = set()
    for sentence in answer:
        near = () if quoted(sentence, passages) else [one.nearest(sentence) for one in passages]
        found = {one.text for one in near if one is not None}
        texts |= found | ({sentence.text} if found else set())
    return texts


def features(
    answer: Sequence[Sentence], passages: Sequence[Passage], vectors: Mapping[str, Vectors]
) -> NDArray[np.float64]:
    """``FEATURES`` in their order, each from 0 (nothing is found in the passages) to 1 (all is).

    ``answer`` holds at least one sentence, ``vectors`` a vector of unit length for each of ``texts_to_embed``.
    """
    words = frozenset(chain.from_iterable(one.words for one in passages))
    pairs = frozenset(chain.from_iterable(one.pairs for one in passages))
    rows = np.array([_measures(sentence, passages, words, pairs, vectors) for sentence in answer])
    columns = dict(zip(_MEASURES, rows.T, strict=True))
    return np.array([_taken(columns, *name.split("_")) for name in FEATURES])


def _taken(columns: Mapping[str, NDArray[np.float64]], measure: str, how: str) -> np.float64:
    return np.float64(columns[measure].min() if how == "min" else columns[measure].mean())


def _measures(
    sentence: Sentence,
    passages: Sequence[Passage],
    words: frozenset[str],
    pairs: frozenset[tuple[str, str]],
    vectors: Mapping[str, Vectors],
) -> tuple[float, ...]:
    """For one sentence, in the order of ``_MEASURES``; a sentence that is quoted has 1 everywhere.

    The share of its words found in any passage, and of its neighbouring pairs; the cosine to the nearest sentence;
    how well its numbers are found; the share of its names found.
    """
    if quoted(sentence, passages):
        return (1.0,) * len(_MEASURES)
    lexical = _share(sentence.keys, words)
    return (
        lexical,
        _share(sentence.pairs, pairs) if sentence.pairs else lexical,
        _semantic(sentence, passages, vectors),
        min((_number(number, sentence, passages) for number in sentence.numbers), default=1.0),
        _share(sentence.names, words) if sentence.names else 1.0,
    )


def _number(number: str, sentence: Sentence, passages: Sequence[Passage]) -> float:
    """0 for a number that no passage has, 1 where half of the other words of ``sentence`` stand near it.

    A "3" is in most passages: one that stands among other words says something else.
    """
    others = sentence.keys - {number}
    near = (window for one in passages for window in one.windows if number in window)
    shares = (_share(others, window) if others else 1.0 for window in near)
    return min(1.0, 2 * max(shares, default=0.0))


def _semantic(sentence: Sentence, passages: Sequence[Passage], vectors: Mapping[str, Vectors]) -> float:
    """The cosine, less a penalty where just one of the two is negated; 0 where no sentence is near enough."""
    best = 0.0
    for near in (one.nearest(sentence) for one in passages):
        if near is not None:
            cosine = float(vectors[sentence.text] @ vectors[near.text])
            best = max(best, cosine - _NEGATION_PENALTY * (near.negated != sentence.negated))
    return round(min(best, 1.0), _DECIMALS)


def _share(some: frozenset[Any], of: frozenset[Any]) -> float:
    return len(some & of) / len(some)
