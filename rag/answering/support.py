"""How well sentences answer a question, without a language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache

from rag.answering.candidates import Candidate, candidates, context_of
from rag.embedding import Embedder, Vectors
from rag.index import Bm25Encoder
from rag.retrieval.hit import Hit

Case = tuple[str, Sequence[Hit]]
"""A question, and the passages found for it, best first."""

COSINE, IN_SENTENCE, IN_WINDOW, IN_PASSAGE = 0.5, 0.15, 0.15, 0.2
"""Weights of the cosine, and of the share of the question's words in the sentence, in its window, and in its
passage. By trying, on the questions of Chroma's chunking evaluation (Smith and Troynikov, 2024)."""

Terms = AbstractSet[int]


@dataclass(frozen=True, slots=True)
class Supported:
    """A sentence and its support for the question, at most 1; around 0 where they have nothing in common."""

    candidate: Candidate
    score: float


def supported(cases: Sequence[Case], embedder: Embedder) -> list[list[Supported]]:
    """For each case the sentences of its passages, best supported first; of equals the earlier one.

    A sentence that many questions found is embedded once, and all of them in one call.
    """
    found = [candidates(passages) for _, passages in cases]
    windows = _vectors(embedder.embed_documents, [each.window for some in found for each in some])
    questions = _vectors(
        embedder.embed_queries, [question for (question, _), some in zip(cases, found, strict=True) if some]
    )
    scored = []
    for (question, passages), some in zip(cases, found, strict=True):
        overlaps = _overlaps(question, passages, some)
        rows = [
            Supported(each, COSINE * float(questions[question] @ windows[each.window]) + overlap)
            for each, overlap in zip(some, overlaps, strict=True)
        ]
        scored.append(sorted(rows, key=lambda row: -row.score))
    return scored


def supports(cases: Sequence[Case], embedder: Embedder) -> list[float]:
    """The support of the best sentence for each case; 0 where there is none."""
    return [some[0].score if some else 0.0 for some in supported(cases, embedder)]


def _vectors(embed: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> dict[str, Vectors]:
    distinct = list(dict.fromkeys(texts))
    return dict(zip(distinct, embed(distinct), strict=True)) if distinct else {}


def _overlaps(question: str, passages: Sequence[Hit], found: Sequence[Candidate]) -> list[float]:
    """The weighted shares of the question's words, each word counting by how few of the sentences hold it.

    A word that no sentence holds counts most: what the question is about may not be there at all.
    """
    asked = _terms(question)
    in_sentences = [_terms(each.text) for each in found]
    weights = {term: _rarity(sum(term in held for held in in_sentences), len(found)) for term in asked}
    whole = sum(weights.values())

    def share(held: Terms) -> float:
        return sum(weights[term] for term in asked & held) / whole if whole else 0.0

    in_passages = [share(_terms(f"{context_of(hit)}\n{hit.text}")) for hit in passages]
    return [
        IN_SENTENCE * share(held)
        + IN_WINDOW * share(_terms(each.window))
        + IN_PASSAGE * in_passages[each.number - 1]
        for each, held in zip(found, in_sentences, strict=True)
    ]


def _rarity(holding: int, of: int) -> float:
    """The IDF of BM25 (Robertson and Zaragoza, 2009), kept above 0."""
    return math.log(1 + (of - holding + 0.5) / (holding + 0.5))


def _terms(text: str) -> Terms:
    """The words of ``text`` as the index has them: stemmed, without stop words."""
    return frozenset(_encoder().query(text).indices)


@cache
def _encoder() -> Bm25Encoder:
    return Bm25Encoder(k1=1.2, b=0.75, average_tokens=1.0)  # only what it takes for a word is used
