"""Measurements of answers as well as rankings, and golden questions for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evals.golden import Kind, Question
from evals.measurement import Answered, Asked, Measurement, Score
from tests.evals.making import measured, question

Values = Mapping[str, float]


def with_answers(
    main: Sequence[float],
    *,
    refusal: Sequence[float] | None = None,
    faithfulness: Sequence[float] | None = None,
    passages: Mapping[str, Sequence[tuple[str, int, int]]] | None = None,
    cited: Mapping[str, tuple[int, ...]] | None = None,
    refused: Sequence[str] = (),
    tags: Mapping[str, tuple[str, ...]] | None = None,
    evaluator: str = "e1",
) -> Measurement:
    """Answerable questions ``q0``, ``q1``, … with these values of nDCG@10, and of the answers: 1 unless told."""
    whole = measured(main, evaluator=evaluator)
    ids = [one.question for one in whole.asked]
    columns = {"Refusal": refusal, "Faithfulness": faithfulness}
    rows = [
        Score(id, "fused", metric, value, False)
        for metric, values in columns.items()
        for id, value in zip(ids, values if values is not None else [1.0] * len(ids), strict=True)
    ]
    answers = tuple(
        Answered(id, tuple((passages or {}).get(id, ())), (cited or {}).get(id, ()), id in refused)
        for id in ids
    )
    asked = tuple(replace(one, tags=(tags or {}).get(one.question, ())) for one in whole.asked)
    return replace(whole, asked=asked, scores=(*whole.scores, *rows), answers=answers)


def of_kind(kind: Kind, *, refused: bool) -> Measurement:
    """One question ``u`` of that kind with an answer: right where it was refused and is not answerable."""
    right = float(refused == (kind != "answerable"))
    scores = [
        Score("u", "fused", metric, value, False)
        for metric, value in (("Refusal", right), ("Faithfulness", 1))
    ]
    if kind == "answerable":
        scores += [Score("u", system, "nDCG@10", 1.0, False) for system in ("fused", "bm25")]
    return replace(
        measured([]),
        asked=(Asked("u", kind, "c"),),
        scores=tuple(scores),
        answers=(Answered("u", (), (), refused),),
    )


def golden_of(measurement: Measurement, **texts: str) -> dict[str, Question]:
    """Questions by id, each of which expects ``s/<id>`` with grade 1."""
    return {
        one.question: question(one.question, text=texts.get(one.question, "")) for one in measurement.asked
    }
