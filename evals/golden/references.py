"""Do the documents that golden questions name exist?"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from evals.golden.problems import as_error
from evals.golden.question import GoldenSet, Question
from evals.nearest import nearest

HINTS = 5  # one name against 100,000 takes about a second


def unknown_documents(golden: GoldenSet, known: Collection[str]) -> Iterator[tuple[Question, str, str]]:
    """Each question with each document that it expects and ``known`` lacks, and a hint to put behind the name: the
    nearest known one, for the first ``HINTS``; else empty."""
    hints: dict[str, str] = {}
    for question in golden.questions:
        for document in question.expected:
            if document in known:
                continue
            if document not in hints:
                near = nearest(document, known) if len(hints) < HINTS else ""
                hints[document] = f"; the nearest known is {near!r}" if near else ""
            yield question, document, hints[document]


def check_references(golden: GoldenSet, known: Collection[str]) -> None:
    """Raises ``ConfigurationError`` naming file, line and document for every expected one not in ``known``.

    ``known`` holds the keys of all documents the catalog has ever seen, deleted ones too: a question whose
    document was deleted must score 0, not be an error.
    """
    seen = known if isinstance(known, set | frozenset | dict) else set(known)
    problems = [
        (question.where, f"question {question.id!r} expects the unknown document {document!r}{hint}")
        for question, document, hint in unknown_documents(golden, seen)
    ]
    if problems:
        raise as_error(problems, next_step="Correct the name, or ingest the document first.")
