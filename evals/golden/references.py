"""Do the documents that golden questions name exist?"""

from __future__ import annotations

from collections.abc import Collection

from evals.golden.problems import as_error
from evals.golden.question import GoldenSet
from evals.nearest import nearest

HINTS = 5  # one name against 100,000 takes about a second


def check_references(golden: GoldenSet, known: Collection[str]) -> None:
    """Raises ``ConfigurationError`` naming file, line and document for every expected one not in ``known``.

    ``known`` holds the keys of all documents the catalog has ever seen, deleted ones too: a question whose
    document was deleted must score 0, not be an error. The first ``HINTS`` unknown ones get the nearest
    known one.
    """
    seen = known if isinstance(known, set | frozenset | dict) else set(known)
    hints: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for question in golden.questions:
        for document in question.expected:
            if document in seen:
                continue
            if document not in hints:
                hints[document] = nearest(document, seen) if len(hints) < HINTS else ""
            hint = f"; the nearest known is {hints[document]!r}" if hints[document] else ""
            problems.append(
                (question.where, f"question {question.id!r} expects the unknown document {document!r}{hint}")
            )
    if problems:
        raise as_error(problems, next_step="Correct the name, or ingest the document first.")
