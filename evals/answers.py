"""Has every golden question answered and the answers judged, and records what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from evals.evaluate import MayRead, failure_of, leaked_documents
from evals.golden import GoldenSet, Question
from evals.judges.port import Case, Judge, JudgeFailure
from evals.measurement import Answered, Asked, Failure, Leak, Measurement, Score
from evals.metrics import METRICS
from evals.metrics.passages import context_values, span_values
from rag.answering.answer import Answer
from rag.answering.port import Usage
from rag.errors import LockgateError, ModelError
from rag.retrieval import Hit

ANSWER = "answer"
"""Where a leak or a failure is of what an answer is made from, beside the names of the systems."""
JUDGE = "judge"
_CITED = 0.5
"""A sentence is borne out by what it cites where a judge gives it at least this much."""
_REFUSED = {"Faithfulness": 1.0, "AnswerCorrectness": 0.0, "Citations": 1.0}
_OF_ANSWERS = ("Faithfulness", "AnswerCorrectness")


class Find(Protocol):
    """What the application would get for a question, as passages."""

    def __call__(self, question: str, *, principal: str) -> Sequence[Hit]: ...


AnswerAll = Callable[[Sequence[tuple[str, Sequence[Hit]]]], list[Answer | LockgateError]]
"""``[(question, passages)]`` to answers in their order, or why there is none."""
Supports = Callable[[Sequence[tuple[str, Sequence[str]]]], list[float]]
"""``[(statement, passages)]`` to how far the passages bear it out, from 0 to 1."""


@dataclass(slots=True)
class _Notes:
    """What was found so far: values by metric and question; what failed has none."""

    values: dict[str, dict[str, float]] = field(default_factory=dict)
    leaks: list[Leak] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    def set(self, question: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.values.setdefault(name, {})[question] = value


def measure_answers(
    golden: GoldenSet,
    measurement: Measurement,
    *,
    find: Find,
    answer_all: AnswerAll,
    judge: Judge,
    supports: Supports,
    may_read: MayRead,
) -> Measurement:
    """``measurement``, of the same questions, with what was found of the passages and of the answers besides.

    A leak is a passage that ``may_read`` denies, or of a document that a forbidden question names. Whatever cannot
    be found, answered or judged is a recorded failure, and its metrics have their defaults.
    """
    notes = _Notes()
    passages = _found(golden, find, may_read, notes)
    answers = _answered(golden, passages, answer_all, notes)
    _judged(golden, answers, judge, supports, notes)
    judged = {name for name in judge.metrics if name in METRICS} | {"Citations", "Refusal"}
    names = [
        name
        for name, one in METRICS.items()
        if one.of == "passages" or (one.of == "answer" and name in judged)
    ]
    return replace(
        measurement,
        scores=measurement.scores + _rows(measurement, names, notes),
        leaks=_together(measurement.leaks, notes.leaks),
        failures=measurement.failures + tuple(notes.failures),
        fingerprints={**measurement.fingerprints, "judge": judge.fingerprint},
        answers=tuple(notes.answers),
        spent=notes.usage,
    )


def _found(golden: GoldenSet, find: Find, may_read: MayRead, notes: _Notes) -> dict[str, Sequence[Hit]]:
    """The passages by question; one whose search failed is missing."""
    found: dict[str, Sequence[Hit]] = {}
    for question in golden.questions:
        try:
            hits = find(question.question, principal=question.principal)
        except Exception as error:  # noqa: BLE001  whatever a search dies of, its question counts as failed
            notes.failures.append(failure_of(question, ANSWER, error))
            continue
        leaked, crash = leaked_documents(question, [hit.document for hit in hits], may_read, named=True)
        notes.leaks += [Leak(question.id, question.principal, each, (ANSWER,)) for each in leaked]
        if crash is not None:
            notes.failures.append(failure_of(question, ANSWER, crash))
            continue
        found[question.id] = hits
    answerable = [question for question in golden.of_kind("answerable") if question.id in found]
    expected = {
        one.id: [document for document, grade in one.expected.items() if grade > 0] for one in answerable
    }
    of_documents = {one.id: ([hit.document for hit in found[one.id]], expected[one.id]) for one in answerable}
    for id, values in context_values(of_documents).items():
        notes.set(id, values)
    for one in answerable:
        if one.evidence:
            spans = [(hit.document, *hit.span) for hit in found[one.id]]
            notes.set(one.id, span_values(one.evidence, spans))
    return found


def _answered(
    golden: GoldenSet, passages: Mapping[str, Sequence[Hit]], answer_all: AnswerAll, notes: _Notes
) -> dict[str, Answer]:
    """The answers by question; one that failed is missing."""
    asked = [question for question in golden.questions if question.id in passages]
    given = answer_all([(question.question, passages[question.id]) for question in asked])
    answers: dict[str, Answer] = {}
    for question, answer in zip(asked, given, strict=True):
        if isinstance(answer, Answer):
            answers[question.id] = answer
            notes.usage += answer.usage
        else:
            notes.failures.append(failure_of(question, ANSWER, answer))
            if isinstance(answer, ModelError) and answer.usage is not None:
                notes.usage += answer.usage
    for question in golden.questions:
        found = tuple((hit.document, *hit.span) for hit in passages.get(question.id, ()))
        one = answers.get(question.id)
        cited = sorted({number for each in one.sentences for number in each.citations}) if one else []
        notes.answers.append(Answered(question.id, found, tuple(cited), one is not None and one.refused))
        if one is not None:
            right = one.refused == (question.kind != "answerable")
            notes.set(question.id, {"Refusal": float(right)})
    return answers


def _judged(
    golden: GoldenSet, answers: Mapping[str, Answer], judge: Judge, supports: Supports, notes: _Notes
) -> None:
    """Judges the answers. A refusal says nothing that could be wrong, and nothing of what was asked for."""
    of_passages = set(judge.metrics) - set(_OF_ANSWERS)
    to_judge: list[Question] = []
    for question in golden.questions:
        answer = answers.get(question.id)
        if answer is None:
            continue
        if answer.refused:
            notes.set(question.id, _REFUSED)
        if not answer.refused or (of_passages and question.answer):
            to_judge.append(question)
    verdicts = judge.judge([_case(one, answers[one.id]) for one in to_judge])
    for question, verdict in zip(to_judge, verdicts, strict=True):
        notes.usage += verdict.usage
        if isinstance(verdict, JudgeFailure):
            notes.failures.append(Failure(question.id, JUDGE, verdict.error, verdict.message))
        else:
            refused = answers[question.id].refused
            notes.set(
                question.id,
                {name: value for name, value in verdict.scores.items() if not refused or name in of_passages},
            )
    _cited([(one, answers[one.id]) for one in to_judge if not answers[one.id].refused], supports, notes)


def _case(question: Question, answer: Answer) -> Case:
    said = "" if answer.refused else " ".join(one.text for one in answer.sentences)
    reference = question.answer if question.kind == "answerable" else None
    return Case(question.question, said, tuple(hit.text for hit in answer.passages), reference)


def _cited(answers: Sequence[tuple[Question, Answer]], supports: Supports, notes: _Notes) -> None:
    statements = [
        (one.text, [answer.passages[number - 1].text for number in one.citations])
        for _, answer in answers
        for one in answer.sentences
    ]
    borne_out = iter(supports(statements))
    for question, answer in answers:
        right = [next(borne_out) >= _CITED for _ in answer.sentences]
        notes.set(question.id, {"Citations": sum(right) / len(right) if right else 0.0})


def _rows(measurement: Measurement, names: Sequence[str], notes: _Notes) -> tuple[Score, ...]:
    """One for each metric and question in its scope; what has no value failed, and has the default."""

    def row(one: Asked, name: str) -> Score:
        value = notes.values.get(name, {}).get(one.question)
        known = METRICS[name].default if value is None else value
        return Score(one.question, measurement.main, name, known, failed=value is None)

    return tuple(
        row(one, name) for name in names for one in measurement.asked if one.is_in(METRICS[name].scope)
    )


def _together(leaks: Sequence[Leak], more: Sequence[Leak]) -> tuple[Leak, ...]:
    """A document that leaked in more than one way is one leak."""
    found = {(leak.question, leak.document): leak for leak in leaks}
    for leak in more:
        key = leak.question, leak.document
        known = found.get(key)
        found[key] = replace(known, systems=(*known.systems, *leak.systems)) if known else leak
    return tuple(found.values())
