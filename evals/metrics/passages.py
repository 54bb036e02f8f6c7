"""The values of the passages that an answer is made from: by document (ragas) and by character."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rag.answering.model_thread import run_apart

Span = tuple[int, int]
Found = tuple[str, int, int]
"""A passage: document, and the characters ``[start, end)`` of its parsed text."""


def span_values(evidence: Mapping[str, Sequence[Span]], found: Sequence[Found]) -> dict[str, float]:
    """``SpanRecall`` and ``SpanPrecision`` of these passages: what they hold twice counts once.

    >>> span_values({"s/a": [(0, 10)]}, [("s/a", 5, 25)])
    {'SpanRecall': 0.5, 'SpanPrecision': 0.25}
    """
    spans: dict[str, list[Span]] = {}
    for document, start, end in found:
        spans.setdefault(document, []).append((start, end))
    wanted = {document: _merged(each) for document, each in evidence.items()}
    held = {document: _merged(each) for document, each in spans.items()}
    common = sum(
        max(0, min(end, stop) - max(start, begin))
        for document, each in wanted.items()
        for start, end in each
        for begin, stop in held.get(document, ())
    )
    length, total = _length(wanted), _length(held)
    return {
        "SpanRecall": common / length if length else 0.0,
        "SpanPrecision": common / total if total else 0.0,
    }


def context_values(
    cases: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> dict[str, dict[str, float]]:
    """``ContextPrecision`` and ``ContextRecall`` by question, as ragas computes them from ids alone.

    ``cases`` are ``{question: (documents of the passages, expected documents)}``. No passage: 0 and 0.
    """
    values: dict[str, dict[str, float]] = {}
    with_passages = {one: case for one, case in cases.items() if case[0] and case[1]}
    for question in cases:
        values[question] = {"ContextPrecision": 0.0, "ContextRecall": 0.0}
    if with_passages:
        run_apart(lambda: _by_ragas(values, with_passages))
    return values


async def _by_ragas(
    values: dict[str, dict[str, float]], cases: Mapping[str, tuple[Sequence[str], Sequence[str]]]
) -> None:
    # Imported here: it takes seconds, and does much at import.
    os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")
    from ragas import SingleTurnSample
    from ragas.metrics._context_precision import IDBasedContextPrecision
    from ragas.metrics._context_recall import IDBasedContextRecall

    measures: dict[str, Any] = {
        "ContextPrecision": IDBasedContextPrecision(),
        "ContextRecall": IDBasedContextRecall(),
    }
    for question, (found, expected) in cases.items():
        sample = SingleTurnSample(
            retrieved_context_ids=list(dict.fromkeys(found)), reference_context_ids=list(expected)
        )
        for name, measure in measures.items():
            # Not the public twin: that writes down who this user is, for its telemetry, even if turned off.
            values[question][name] = float(await measure._single_turn_ascore(sample, None))


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _length(spans: Mapping[str, Sequence[Span]]) -> int:
    return sum(end - start for each in spans.values() for start, end in each)
