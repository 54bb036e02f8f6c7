"""Asks every golden question of every system, and records what came back."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from evals.fingerprints import evaluator_fingerprint
from evals.golden import GoldenSet, Question
from evals.measurement import Asked, Failure, Leak, Measurement, Score
from evals.metrics import DEEPEST_CUTOFF, score_rankings
from rag.errors import EvaluationError, LockgateError

MayRead = Callable[[str, str], bool]
"""``may_read(principal, document)``: the catalog's word, independent of the systems under test."""


class Search(Protocol):
    """A system under test: document keys ``<source>/<id>``, best first, collapsed from passages."""

    def __call__(self, question: str, *, principal: str, limit: int) -> Sequence[str]:
        """At most ``limit`` documents for ``question`` as asked by ``principal``."""
        ...


def evaluate(
    golden: GoldenSet,
    systems: Mapping[str, Search],
    *,
    main: str,
    may_read: MayRead,
    limit: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Measures ``systems``, of which ``main`` is what the application would get.

    Every question is asked of every system, whatever its kind; answerable ones are scored. A leak is a
    document that ``may_read`` denies, from any system, or one that a forbidden question names, from ``main``.
    A search that raises is a recorded failure and scores 0 on every metric. Documents past ``limit`` are
    checked for leaks and not scored. ``progress(asked, all)`` is called after each question. Raises
    ``EvaluationError`` when ``main`` is no system or ``limit`` is below the deepest cutoff of a metric.
    """
    if main not in systems:
        raise EvaluationError(f"{main!r} is not among the systems {', '.join(systems)}")
    if limit < DEEPEST_CUTOFF:
        raise EvaluationError(
            f"a limit of {limit} is too small: the metrics look at {DEEPEST_CUTOFF} documents"
        )
    runs: dict[str, dict[str, list[str]]] = {system: {} for system in systems}
    leaks: list[Leak] = []
    failures: list[Failure] = []
    for number, question in enumerate(golden.questions, start=1):
        leaked_by: dict[str, list[str]] = {}
        for system, search in systems.items():
            try:
                returned = _documents(search(question.question, principal=question.principal, limit=limit))
            except Exception as error:  # noqa: BLE001  whatever a search dies of, its question counts as failed
                failures.append(failure_of(question, system, error))
                continue
            leaked, crash = leaked_documents(question, returned, may_read, named=system == main)
            for document in leaked:
                leaked_by.setdefault(document, []).append(system)
            if crash is not None:
                failures.append(failure_of(question, system, crash))
            else:
                runs[system][question.id] = returned[:limit]
        leaks += [Leak(question.id, question.principal, each, tuple(by)) for each, by in leaked_by.items()]
        if progress is not None:
            progress(number, len(golden.questions))
    return Measurement(
        main=main,
        systems=tuple(systems),
        asked=tuple(_asked(one) for one in golden.questions),
        scores=_scores(golden, runs),
        leaks=tuple(leaks),
        failures=tuple(failures),
        fingerprints={"golden": golden.fingerprint, "evaluator": evaluator_fingerprint(limit)},
    )


def _asked(question: Question) -> Asked:
    reference = question.kind == "answerable" and question.answer is not None
    return Asked(
        question.id, question.kind, question.fingerprint, question.tags, bool(question.evidence), reference
    )


def _documents(returned: Sequence[str]) -> list[str]:
    documents = list(dict.fromkeys(returned))
    # a text is a sequence of texts too: it would be taken for its letters
    if isinstance(returned, str) or not all(isinstance(document, str) for document in documents):
        raise EvaluationError("the search did not return a sequence of document keys")
    return documents


def leaked_documents(
    question: Question, returned: Sequence[str], may_read: MayRead, *, named: bool
) -> tuple[list[str], Exception | None]:
    """The documents of ``returned`` that the asker may not have, and what ``may_read`` raised, if it did.

    A document whose access cannot be told counts as leaked: what is unknown is denied.
    """
    leaked: list[str] = []
    crash: Exception | None = None
    for document in returned:
        try:
            allowed = may_read(question.principal, document)
        except Exception as error:  # noqa: BLE001  an oracle that fails is recorded, and never taken for a yes
            crash = error
            allowed = False
        if not allowed or (named and question.kind == "forbidden" and document in question.expected):
            leaked.append(document)
    return leaked, crash


def failure_of(question: Question, system: str, error: Exception) -> Failure:
    """Lockgate's errors hold no document text; of others only the place is kept, as their text may."""
    if isinstance(error, LockgateError):
        message = str(error)
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        message = f"raised in {last.name}, {last.filename}:{last.lineno}"
    return Failure(question.id, system, type(error).__name__, message)


def _scores(golden: GoldenSet, runs: Mapping[str, Mapping[str, Sequence[str]]]) -> tuple[Score, ...]:
    qrels = {one.id: one.expected for one in golden.of_kind("answerable")}
    return tuple(
        Score(question, system, metric, value, failed=question not in run)
        for system, run in runs.items()
        for metric, values in score_rankings(qrels, run).items()
        for question, value in values.items()
    )
