"""The judge that asks no language model: words, numbers, names and vectors in a logistic model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.judges.port import Case, JudgeFailure, Judgement
from evals.judges.support_features import FEATURES, Passage, claims, features, passage, quoted, texts_to_embed
from evals.judges.support_words import Sentence, read
from rag.embedding import Embedder

_VERSION = 1  # of the features: another reading of the same text is another judge
QUOTED = 0.99
"""The support of an answer whose every sentence stands word for word in a passage."""
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the logistic model: one weight of 0 or more for each of ``FEATURES``, and the intercept."""

    intercept: float
    of: tuple[float, ...]

    def probability(self, values: NDArray[np.float64]) -> float:
        """That every claim is supported, from 0 to 1."""
        return float(1 / (1 + np.exp(-self.intercept - values @ np.array(self.of))))


@dataclass(frozen=True, slots=True)
class PackagedCalibration:
    """What the packaged weights gave on answers that they were not fitted on: pairs of the score and the human
    label, true where every claim is supported, and the name of the data."""

    data: str
    pairs: tuple[tuple[float, bool], ...]


class SupportJudge:
    """How well passages carry an answer, as the probability that a person finds every claim in them.

    ``Faithfulness`` is the support of the answer by the case's passages; ``AnswerCorrectness`` the support of the
    reference by the answer. 0 where there is no passage, or nothing said; ``QUOTED`` where all is quoted. A further
    passage never lowers a score. Scores have 4 decimals. Nothing but the embedder is asked, and it is asked once.

    It reads English, and sees words more than sense: a negation costs part of the score, a change of roles little.
    """

    name = "support"
    metrics = ("Faithfulness", "AnswerCorrectness")

    def __init__(self, embedder: Embedder, weights: Weights | None = None) -> None:
        self._embedder = embedder
        self._weights = weights or packaged_weights()

    @property
    def fingerprint(self) -> str:
        """Digest of the features' version, the weights and the embedder."""
        parts = [_VERSION, FEATURES, self._weights.intercept, self._weights.of, self._embedder.fingerprint]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        """A ``Judgement`` for each case, in their order; it makes no ``JudgeFailure``."""
        faithful = [(case.answer, case.passages) for case in cases]
        places = [place for place, case in enumerate(cases) if case.reference and read(case.reference)]
        correct = [(cases[place].reference or "", (cases[place].answer,)) for place in places]
        support = self.support([*faithful, *correct])
        found = [{"Faithfulness": score} for score in support[: len(cases)]]
        for place, score in zip(places, support[len(cases) :], strict=True):
            found[place]["AnswerCorrectness"] = score
        return [Judgement(scores) for scores in found]

    def support(self, statements: Sequence[tuple[str, Sequence[str]]]) -> list[float]:
        """For each ``(text, passages)`` the probability, from 0 to 1, that the passages carry all that it says.

        0 for a text without a letter or digit, and for no passage. Give all at once: the embedder is called once.
        """
        parsed = parse(statements)
        vectors = self._vectors(parsed)
        return [self._score(answer, passages, vectors) for answer, passages in parsed]

    def measure(self, statements: Sequence[tuple[str, Sequence[str]]]) -> NDArray[np.float64]:
        """``FEATURES`` of each, of shape (len(statements), len(FEATURES)): what the weights are fitted on.

        A row of zeros where ``support`` is 0 by definition.
        """
        parsed = parse(statements)
        vectors = self._vectors(parsed)
        rows = np.zeros((len(parsed), len(FEATURES)))
        for row, (answer, passages) in enumerate(parsed):
            if answer and passages:
                rows[row] = features(answer, passages, vectors)
        return rows

    def _vectors(self, parsed: Sequence[Parsed]) -> dict[str, NDArray[np.float32]]:
        texts = sorted({text for answer, passages in parsed for text in texts_to_embed(answer, passages)})
        return dict(zip(texts, self._embedder.embed_documents(texts), strict=True)) if texts else {}

    def _score(
        self,
        answer: Sequence[Sentence],
        passages: Sequence[Passage],
        vectors: dict[str, NDArray[np.float32]],
    ) -> float:
        if not answer or not passages:
            return 0.0
        if all(quoted(sentence, passages) for sentence in answer):
            return QUOTED
        return round(min(QUOTED, self._weights.probability(features(answer, passages, vectors))), _DECIMALS)


Parsed = tuple[tuple[Sentence, ...], tuple[Passage, ...]]


def parse(statements: Sequence[tuple[str, Sequence[str]]]) -> list[Parsed]:
    """The sentences that claim something, and the passages that hold a word; each distinct passage is read once."""
    known: dict[str, Passage] = {}
    parsed = []
    for text, passages in statements:
        for each in passages:
            if each not in known:
                known[each] = passage(each)
        read_passages = tuple(known[each] for each in passages if known[each].sentences)
        parsed.append((claims(read(text)), read_passages))
    return parsed


def packaged_weights() -> Weights:
    """The weights that come with the package."""
    packaged = _packaged()
    return Weights(packaged["intercept"], tuple(packaged["weights"][name] for name in FEATURES))


def packaged_calibration() -> PackagedCalibration:
    """Scores and labels of the held-out answers, for a calibration record of the packaged weights."""
    held_out = _packaged()["calibration"]
    return PackagedCalibration(
        held_out["data"], tuple((float(score), bool(label)) for score, label in held_out["pairs"])
    )


@cache
def _packaged() -> dict[str, Any]:
    text = resources.files("evals.judges").joinpath("support.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
