"""What makes a golden set worthless however it is measured: said before any work starts."""

from __future__ import annotations

from evals.golden.findings import Corpus, contradictions
from evals.golden.problems import as_error
from evals.golden.question import GoldenSet
from rag.errors import ConfigurationError


def check_usable(golden: GoldenSet, corpus: Corpus) -> None:
    """Raises ``ConfigurationError``, naming every place, for a set of questions none of which is answerable, for
    two that contradict each other, and for a persona that may read nothing of what can be found.

    A set without any question is no error: it is no evidence. Where nothing can be found by anybody, no persona is
    at fault.
    """
    if golden.questions and not golden.of_kind("answerable"):
        raise ConfigurationError(
            f"none of {len(golden.questions)} golden questions is answerable, so nothing can be measured",
            where="golden",
            next_step="Add some, or see what lockgate golden suggest proposes.",
        )
    problems = [
        (one.where, f"{one.question!r} contradicts another: {one.sentence}") for one in contradictions(golden)
    ]
    if any(corpus.is_active(document) for document in corpus.documents()):
        sees: dict[str, bool] = {}
        for question in golden.questions:
            # a stranger who gets nothing is a fair test of what is forbidden
            if question.kind == "forbidden":
                continue
            if question.principal not in sees:
                sees[question.principal] = corpus.sees_anything(question.principal)
                if not sees[question.principal]:
                    problems.append((question.where, f"{question.principal} may read nothing at all"))
    if problems:
        raise as_error(problems, next_step="See lockgate golden check.")
