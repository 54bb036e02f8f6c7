"""What is wrong with a golden set that reads well: questions that prove nothing, or the wrong thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, Protocol

from evals.golden.question import GoldenSet, Question
from evals.golden.references import unknown_documents
from evals.golden.words import words
from evals.wording import named

Severity = Literal["error", "warning"]
FindingKind = Literal[
    "dead reference",
    "unreachable",
    "forbidden but readable",
    "blind persona",
    "contradiction",
    "duplicate",
    "leak",
]
COPIED_WORDS = 8
"""A question of so many words that stands in a document as it is was copied from it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a question. An ``error`` makes its score mean something else than it says."""

    severity: Severity
    kind: FindingKind
    question: str
    where: str
    """``file:line``"""
    sentence: str


class Corpus(Protocol):
    """What the questions are about."""

    def documents(self) -> set[str]:
        """The keys of every document that was ever seen."""
        ...

    def is_active(self, document: str) -> bool:
        """Whether it can be found now: not kept out, deleted or purged."""
        ...

    def may_read(self, principal: str, document: str) -> bool: ...

    def sees_anything(self, principal: str) -> bool:
        """Whether there is any active document that ``principal`` may read."""
        ...

    def passages(self, document: str) -> Sequence[str]:
        """Its text, in pieces."""
        ...

    def length(self, document: str) -> int:
        """How many characters of its text there are, up to the end of its last passage."""
        ...


def findings(golden: GoldenSet, corpus: Corpus) -> list[Finding]:
    """All findings, by question in the order of their files; errors of a question come first."""
    found = [
        *_dead(golden, corpus),
        *(one for question in golden.questions for one in _past_the_end(question, corpus)),
        *(one for question in golden.questions for one in _out_of_reach(question, corpus)),
        *_blind(golden, corpus),
        *_twice(golden),
        *(one for question in golden.questions for one in _given_away(question, corpus)),
    ]
    place = {question.id: number for number, question in enumerate(golden.questions)}
    return sorted(found, key=lambda one: (place[one.question], one.severity))


def contradictions(golden: GoldenSet) -> list[Finding]:
    """Questions that ask the same of the same persona and expect something else."""
    return [one for one in _twice(golden) if one.severity == "error"]


def _finding(severity: Severity, kind: FindingKind, question: Question, sentence: str) -> Finding:
    return Finding(severity, kind, question.id, question.where, sentence)


def _wanted(question: Question) -> list[str]:
    """The documents that the question is about; one that is graded 0 is only known not to be relevant."""
    every = question.kind == "forbidden"
    return [document for document, grade in question.expected.items() if grade > 0 or every]


def _dead(golden: GoldenSet, corpus: Corpus) -> Iterator[Finding]:
    known = corpus.documents()
    for question, document, hint in unknown_documents(golden, known):
        yield _finding("error", "dead reference", question, f"{document!r} was never ingested{hint}")
    for question in golden.questions:
        wanted = _wanted(question)
        gone = [document for document in wanted if document in known and not corpus.is_active(document)]
        if gone and question.kind == "forbidden":
            sentence = f"{named(gone)} cannot be found any more, by anybody: it proves nothing"
            yield _finding("warning", "dead reference", question, sentence)
        elif gone:
            left = [document for document in wanted if document in known and document not in gone]
            sentence = f"{named(gone)} cannot be found any more{'' if left else ', and no other is expected'}"
            yield _finding("warning" if left else "error", "dead reference", question, sentence)


def _past_the_end(question: Question, corpus: Corpus) -> Iterator[Finding]:
    for document, spans in question.evidence.items():
        if not corpus.is_active(document):
            continue  # found to be dead already
        last, length = max(end for _, end in spans), corpus.length(document)
        if last > length:
            sentence = f"its evidence in {document} ends at character {last}, and the text at {length}"
            yield _finding("error", "dead reference", question, sentence)


def _out_of_reach(question: Question, corpus: Corpus) -> Iterator[Finding]:
    alive = [document for document in _wanted(question) if corpus.is_active(document)]
    readable = [document for document in alive if corpus.may_read(question.principal, document)]
    if question.kind == "forbidden" and readable:
        sentence = f"{question.principal} may read {named(readable)}"
        yield _finding("error", "forbidden but readable", question, sentence)
    if question.kind == "answerable" and len(readable) < len(alive):
        hidden = [document for document in alive if document not in readable]
        sentence = f"{question.principal} may not read {named(hidden)}"
        if readable:
            yield _finding("warning", "unreachable", question, f"{sentence}: the best score is out of reach")
        else:
            yield _finding("error", "unreachable", question, f"{sentence}: it can only score 0")


def _blind(golden: GoldenSet, corpus: Corpus) -> Iterator[Finding]:
    sees: dict[str, bool] = {}
    for question in golden.questions:
        if question.principal not in sees:
            sees[question.principal] = corpus.sees_anything(question.principal)
        # An answerable one is out of reach, and has been found so. A stranger who gets nothing is a fair test.
        if question.kind == "unanswerable" and not sees[question.principal]:
            sentence = f"{question.principal} may read nothing at all, so that nothing can be found"
            yield _finding("error", "blind persona", question, sentence)


def _twice(golden: GoldenSet) -> Iterator[Finding]:
    alike: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in golden.questions:
        alike[question.principal, " ".join(words(question.question))].append(question)
    for same in alike.values():
        for first, second in combinations(same, 2):
            graded = [
                document
                for document in first.expected.keys() & second.expected.keys()
                if (first.expected[document] > 0) != (second.expected[document] > 0)
            ]
            if first.kind != second.kind:
                sentence = f"{first.id!r} asks the same of the same persona and is {first.kind}"
                yield _finding("error", "contradiction", second, sentence)
            elif graded and first.kind == "answerable":
                sentence = f"{first.id!r} asks the same and grades {named(sorted(graded))} the other way"
                yield _finding("error", "contradiction", second, sentence)
            elif first is same[0]:
                sentence = f"{first.id!r} asks the same of the same persona: it counts twice"
                yield _finding("warning", "duplicate", second, sentence)


def _given_away(question: Question, corpus: Corpus) -> Iterator[Finding]:
    asked = words(question.question)
    answer = words(question.answer or "")
    if answer and _holds(asked, answer):
        yield _finding("warning", "leak", question, "it says its own answer")
    if question.kind != "answerable" or len(asked) < COPIED_WORDS:
        return
    for document in _wanted(question):
        if any(_holds(words(passage), asked) for passage in corpus.passages(document)):
            sentence = f"it stands word for word in {document}: finding that proves little"
            yield _finding("warning", "leak", question, sentence)


def _holds(text: Sequence[str], sought: Sequence[str]) -> bool:
    return f" {' '.join(sought)} " in f" {' '.join(text)} "
