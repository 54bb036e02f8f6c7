"""Rankings to values, computed by ir-measures (trec_eval)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ir_measures

from evals.metrics.registry import RANKED


def score_rankings(
    qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """``{metric: {question: value}}`` for every metric of rankings and every question of ``qrels``, in their order.

    ``qrels`` gives each question its documents' grades (whole, from 0 = not relevant); ``run`` its documents,
    best first; of a document named twice the first place counts. A question that ``run`` misses gets the
    metric's default, never a missing row; one that only ``run`` has is left out.
    """
    # trec_eval sees opaque names: it cuts names at a NUL, and a lone surrogate ends the process
    names: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = {}
    scores: dict[str, dict[str, float]] = {}
    questions = {f"q{number}": question for number, question in enumerate(qrels)}
    for alias, question in questions.items():
        grades[alias] = {_alias(document, names): grade for document, grade in qrels[question].items()}
        ranking = list(dict.fromkeys(run.get(question, ())))
        # whole, strictly falling scores: trec_eval orders ties by name, not by place
        scores[alias] = {
            _alias(document, names): float(len(ranking) - place) for place, document in enumerate(ranking)
        }
    measures = {ir_measures.parse_measure(one.measure): one for one in RANKED}
    values = {one.name: dict.fromkeys(qrels, one.default) for one in RANKED}
    for row in ir_measures.iter_calc(list(measures), grades, scores):
        values[measures[row.measure].name][questions[row.query_id]] = float(row.value)
    return values


def _alias(document: str, names: dict[str, str]) -> str:
    return names.setdefault(document, f"d{len(names)}")
