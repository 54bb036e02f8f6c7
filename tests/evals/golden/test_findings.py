"""Questions that read well and prove nothing, or the wrong thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from evals.golden import GoldenSet, Question, findings
from tests.evals.making import ADA, golden, question

BOB = "user:bob@acme.example"


@dataclass
class MadeUpCorpus:
    """Documents by who may read them; those of ``gone`` were deleted."""

    readers: Mapping[str, Sequence[str]]
    gone: Sequence[str] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def documents(self) -> set[str]:
        return set(self.readers)

    def is_active(self, document: str) -> bool:
        return document in self.readers and document not in self.gone

    def may_read(self, principal: str, document: str) -> bool:
        return principal in self.readers.get(document, ())

    def sees_anything(self, principal: str) -> bool:
        return any(
            self.may_read(principal, document) for document in self.readers if self.is_active(document)
        )

    def passages(self, document: str) -> Sequence[str]:
        return self.texts.get(document, ())

    def length(self, document: str) -> int:
        return sum(len(text) for text in self.texts.get(document, ()))


def found(golden_set: GoldenSet, corpus: MadeUpCorpus) -> list[tuple[str, str, str]]:
    return [(one.severity, one.kind, one.sentence) for one in findings(golden_set, corpus)]


def answering(one: Question, answer: str) -> Question:
    return replace(one, answer=answer)


def test_a_sound_set_has_no_findings() -> None:
    corpus = MadeUpCorpus({"s/a": [ADA], "s/b": [BOB]}, texts={"s/a": ["Leave lasts sixteen weeks."]})
    sound = golden(
        answering(question("a", text="How long is leave?"), "Sixteen weeks"),
        question("f", {"s/b": 1}, kind="forbidden"),
        question("u", kind="unanswerable"),
    )
    assert found(sound, corpus) == []


def test_a_document_that_was_never_there_is_an_error_with_the_nearest_name() -> None:
    corpus = MadeUpCorpus({"s/leave.md": [ADA], "s/other": [ADA]})
    (finding,) = findings(golden(question("q", {"s/leve.md": 1, "s/other": 1})), corpus)
    assert (finding.severity, finding.kind) == ("error", "dead reference")
    assert finding.sentence == "'s/leve.md' was never ingested; the nearest known is 's/leave.md'"
    assert (finding.question, finding.where) == ("q", "q.jsonl:1")


def test_a_deleted_document_is_an_error_only_where_no_other_is_expected() -> None:
    corpus = MadeUpCorpus({"s/a": [ADA], "s/b": [ADA]}, gone=["s/a"])
    assert found(golden(question("q", {"s/a": 1, "s/b": 1})), corpus) == [
        ("warning", "dead reference", "s/a cannot be found any more")
    ]
    assert found(golden(question("q", {"s/a": 1, "s/b": 0})), corpus) == [
        ("error", "dead reference", "s/a cannot be found any more, and no other is expected")
    ]
    assert found(golden(question("q", {"s/a": 1}, kind="forbidden")), corpus) == [
        ("warning", "dead reference", "s/a cannot be found any more, by anybody: it proves nothing")
    ]


def test_what_the_persona_may_not_read_is_out_of_reach() -> None:
    corpus = MadeUpCorpus({"s/a": [BOB], "s/b": [ADA]})
    assert found(golden(question("q", {"s/a": 1})), corpus) == [
        ("error", "unreachable", f"{ADA} may not read s/a: it can only score 0")
    ]
    assert found(golden(question("q", {"s/a": 2, "s/b": 1})), corpus) == [
        ("warning", "unreachable", f"{ADA} may not read s/a: the best score is out of reach")
    ]
    assert found(golden(question("q", {"s/a": 0, "s/b": 1})), corpus) == []


def test_what_the_persona_may_read_is_not_forbidden() -> None:
    corpus = MadeUpCorpus({"s/a": [ADA]})
    assert found(golden(question("q", {"s/a": 0}, kind="forbidden")), corpus) == [
        ("error", "forbidden but readable", f"{ADA} may read s/a")
    ]


def test_a_persona_that_sees_nothing_proves_nothing_but_that_it_sees_nothing() -> None:
    corpus = MadeUpCorpus({"s/a": [BOB], "s/b": [ADA]}, gone=["s/b"])
    assert found(golden(question("u", kind="unanswerable")), corpus) == [
        ("error", "blind persona", f"{ADA} may read nothing at all, so that nothing can be found")
    ]
    assert found(golden(question("f", {"s/a": 1}, kind="forbidden")), corpus) == []


def test_the_same_question_twice_counts_twice_or_contradicts_itself() -> None:
    corpus = MadeUpCorpus({"s/a": [ADA, BOB], "s/b": [ADA]})
    first = question("1", {"s/a": 2, "s/b": 0}, text="How long is LEAVE?")

    def second(expected: Mapping[str, int], *, asker: str = ADA) -> GoldenSet:
        return golden(first, question("2", expected, text="how long, is leave", asker=asker))

    assert found(second({"s/a": 1}), corpus) == [
        ("warning", "duplicate", "'1' asks the same of the same persona: it counts twice")
    ]
    assert found(second({"s/a": 1}, asker=BOB), corpus) == []
    assert found(second({"s/a": 1, "s/b": 1}), corpus) == [
        ("error", "contradiction", "'1' asks the same and grades s/b the other way")
    ]
    unanswerable = question("2", kind="unanswerable", text="How long is leave?")
    assert found(golden(first, unanswerable), corpus) == [
        ("error", "contradiction", "'1' asks the same of the same persona and is answerable")
    ]


@pytest.mark.parametrize(
    ("asked", "answer", "leaks"),
    [
        ("Is leave sixteen weeks long?", "Sixteen weeks", True),
        ("Is leave sixteen weeks long?", "Sixteen", True),
        ("Is leave sixteen weeks long?", "six", False),
        ("Is leave sixteen weeks long?", "?", False),
    ],
)
def test_a_question_that_says_its_answer_is_found(asked: str, answer: str, leaks: bool) -> None:
    corpus = MadeUpCorpus({"s/q": [ADA]})
    expected = [("warning", "leak", "it says its own answer")] if leaks else []
    assert found(golden(answering(question("q", text=asked), answer)), corpus) == expected


def test_a_question_that_was_copied_from_its_document_is_found() -> None:
    text = "Leave: the first sixteen of\ntwenty-six weeks are paid in full."
    corpus = MadeUpCorpus({"s/q": [ADA]}, texts={"s/q": ["Something else.", text]})
    copied = golden(question("q", text="The first sixteen of twenty six weeks are paid"))
    assert found(copied, corpus) == [
        ("warning", "leak", "it stands word for word in s/q: finding that proves little")
    ]
    assert found(golden(question("q", text="The first sixteen of twenty")), corpus) == []


def test_findings_come_by_question_errors_first() -> None:
    corpus = MadeUpCorpus({"s/a": [ADA], "s/b": [BOB], "s/c": [ADA]}, gone=["s/c"])
    both = golden(question("1", {"s/a": 1, "s/c": 1, "s/x": 1}), question("2", {"s/b": 1}))
    assert [(one.question, one.severity) for one in findings(both, corpus)] == [
        ("1", "error"),
        ("1", "warning"),
        ("2", "error"),
    ]


def test_evidence_past_the_end_of_the_text_is_dead() -> None:
    corpus = MadeUpCorpus({"s/a": [ADA]}, texts={"s/a": ["0123456789"]})
    inside = replace(question("a"), evidence={"s/a": ((0, 5), (5, 10))})
    past = replace(question("b", {"s/a": 1}), evidence={"s/a": ((0, 5), (5, 11))})
    assert found(golden(inside), corpus) == []
    assert found(golden(past), corpus) == [
        ("error", "dead reference", "its evidence in s/a ends at character 11, and the text at 10")
    ]
