"""Answers without a language model: the sentences that support the question best, as they stand."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answering.answer import Answer, Sentence, refusal
from rag.answering.support import Case, Supported, supported
from rag.embedding import Embedder
from rag.retrieval.hit import Hit

MIN_SUPPORT = 0.48
"""Support below which nothing is answered: the highest that costs at most 0.01 of the best balanced accuracy on the
questions that ``support.COSINE`` was found on, each asked of its own text, of that text without what answers it,
and of another text."""
MOST_SENTENCES = 3
_NEXT_BEST = 0.8
"""A further sentence has at least this share of the best one's support."""


def extract(
    question: str,
    passages: Sequence[Hit],
    embedder: Embedder,
    *,
    version: int | None = None,
    min_support: float = MIN_SUPPORT,
) -> Answer:
    """One to three sentences of ``passages``, word for word and cited, or a refusal for want of support."""
    return extract_all([(question, passages)], embedder, version=version, min_support=min_support)[0]


def extract_all(
    cases: Sequence[Case],
    embedder: Embedder,
    *,
    version: int | None = None,
    min_support: float = MIN_SUPPORT,
) -> list[Answer]:
    """``extract`` for many questions, in their order; what they have in common is embedded once."""
    return [
        _answer(passages, some, version, min_support)
        for (_, passages), some in zip(cases, supported(cases, embedder), strict=True)
    ]


def _answer(
    passages: Sequence[Hit], found: Sequence[Supported], version: int | None, min_support: float
) -> Answer:
    if not found or found[0].score < min_support:
        return refusal(passages, version=version)
    return Answer(_sentences(found), tuple(passages), version)


def _sentences(found: Sequence[Supported]) -> tuple[Sentence, ...]:
    """The best ones: passages in the order of their best sentence, within a passage as it goes.

    Passages overlap, and documents repeat each other: what is said twice is quoted once and cites both.
    """
    holding: dict[str, list[Supported]] = {}
    for each in found:
        holding.setdefault(each.candidate.text, []).append(each)
    least = _NEXT_BEST * found[0].score
    picked = [some for some in holding.values() if some[0].score >= least][:MOST_SENTENCES]
    order = list(dict.fromkeys(some[0].candidate.number for some in picked))
    picked.sort(key=lambda some: (order.index(some[0].candidate.number), some[0].candidate.start))
    return tuple(
        Sentence(text=some[0].candidate.text, citations=_numbers(some), verbatim=True) for some in picked
    )


def _numbers(some: Sequence[Supported]) -> tuple[int, ...]:
    return tuple(sorted({each.candidate.number for each in some}))
