"""Passages against the characters and the documents that answer a question."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.metrics.passages import Found, Span, context_values, span_values

spans = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda one: (one[0], one[0] + one[1]))


def test_evidence_that_a_passage_holds_whole_is_recalled_whole() -> None:
    assert span_values({"s/a": [(10, 20)]}, [("s/a", 0, 40)]) == {"SpanRecall": 1.0, "SpanPrecision": 0.25}


def test_evidence_between_two_passages_counts_by_characters() -> None:
    found = span_values({"s/a": [(10, 20)]}, [("s/a", 0, 15), ("s/a", 15, 18)])
    assert found == {"SpanRecall": 0.8, "SpanPrecision": pytest.approx(8 / 18)}


def test_what_overlapping_passages_hold_twice_counts_once() -> None:
    found = span_values({"s/a": [(0, 10), (5, 20)]}, [("s/a", 0, 20), ("s/a", 10, 40)])
    assert found == {"SpanRecall": 1.0, "SpanPrecision": 0.5}


def test_the_same_characters_of_another_document_are_no_evidence() -> None:
    assert span_values({"s/a": [(0, 10)]}, [("s/b", 0, 10)]) == {"SpanRecall": 0.0, "SpanPrecision": 0.0}


def test_without_passages_nothing_is_recalled() -> None:
    assert span_values({"s/a": [(0, 10)]}, []) == {"SpanRecall": 0.0, "SpanPrecision": 0.0}


@given(st.lists(spans, min_size=1, max_size=4), st.lists(spans, min_size=1, max_size=4))
def test_spans_are_counted_as_sets_of_characters(evidence: list[Span], passages: list[Span]) -> None:
    wanted = {place for start, end in evidence for place in range(start, end)}
    held = {place for start, end in passages for place in range(start, end)}
    found: list[Found] = [("s/a", start, end) for start, end in passages]
    values = span_values({"s/a": evidence}, found)
    assert values["SpanRecall"] == pytest.approx(len(wanted & held) / len(wanted))
    assert values["SpanPrecision"] == pytest.approx(len(wanted & held) / len(held))


def test_documents_of_passages_count_once_each() -> None:
    cases = {
        "half": (["s/a", "s/a", "s/b"], ["s/a", "s/c"]),
        "all": (["s/a"], ["s/a"]),
        "none": (["s/b"], ["s/a"]),
        "nothing found": ([], ["s/a"]),
    }
    assert context_values(cases) == {
        "half": {"ContextPrecision": 0.5, "ContextRecall": 0.5},
        "all": {"ContextPrecision": 1.0, "ContextRecall": 1.0},
        "none": {"ContextPrecision": 0.0, "ContextRecall": 0.0},
        "nothing found": {"ContextPrecision": 0.0, "ContextRecall": 0.0},
    }


def test_they_are_counted_where_an_event_loop_runs_already() -> None:
    async def inside() -> dict[str, dict[str, float]]:
        return context_values({"q": (["s/a"], ["s/a", "s/b"])})

    assert asyncio.run(inside())["q"] == {"ContextPrecision": 1.0, "ContextRecall": 0.5}


def test_without_questions_there_are_no_values() -> None:
    assert context_values({}) == {}
