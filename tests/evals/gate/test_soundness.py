from dataclasses import replace
from typing import Any

import pytest

from evals.gate import Verdict, decide
from evals.gate.soundness import vectors
from evals.measurement import Failure, Measurement
from tests.evals.gate.judging import GOOD, LEAK, POLICY, SOUND, candidate, check, sentences, verdict
from tests.evals.making import measured


@pytest.mark.parametrize(("documents", "chunks"), [(0, 0), (0, 9), (3, 0)])
def test_an_empty_version_is_blocked_however_well_it_scores(documents: int, chunks: int) -> None:
    found = decide(POLICY, candidate(GOOD, documents, chunks), GOOD)
    assert found.decision == "block"
    assert sentences(found) == [f"Version 7 is empty: {documents} documents, {chunks} chunks."]


def test_a_leak_blocks_and_names_question_reader_and_document() -> None:
    found = verdict(replace(GOOD, leaks=(LEAK,)), GOOD)
    assert found.decision == "block"
    assert sentences(found) == [
        "The index gave a document that its reader may not have: "
        "s/secret to user:bob@acme.example (question q3)."
    ]


@pytest.mark.parametrize(("count", "decision"), [(1, "hold"), (4, "hold"), (5, "promote")])
def test_fewer_than_five_answerable_questions_are_no_evidence(count: int, decision: str) -> None:
    assert verdict(measured([0.8] * count)).decision == decision


def failed(count: int, of: int) -> Measurement:
    failures = [Failure(f"q{number}", "fused", "RuntimeError", "") for number in range(count)]
    return measured([0.0] * count + [1.0] * (of - count), failures=failures)


def test_up_to_five_in_a_hundred_failed_questions_are_noted_and_pass() -> None:
    found = verdict(failed(2, 40))
    assert found.decision == "promote"
    assert check(found, "failures").figure == "2 of 40 questions failed: q0, q1"
    assert "2 failed questions" in sentences(found)[0]


def test_more_failed_questions_block_and_are_named() -> None:
    found = verdict(failed(3, 40))
    assert found.decision == "block"
    assert sentences(found) == ["3 of 40 questions failed (RuntimeError): q0, q1, q2; at most 5 % may."]


def test_a_question_that_fails_in_two_systems_counts_once() -> None:
    twice = [Failure("q0", system, "RuntimeError", "") for system in ("fused", "bm25")]
    found = verdict(measured([0.0] + [1.0] * 19, failures=twice))
    assert check(found, "failures").numbers == {"failed": 1.0, "asked": 20.0}
    assert check(found, "failures").passed


def of_state(**state: Any) -> Verdict:
    return decide(POLICY, replace(candidate(GOOD), state=replace(SOUND, **state)), GOOD)


def test_an_index_that_lacks_passages_is_blocked() -> None:
    found = of_state(indexed=7)
    assert found.decision == "block"
    assert sentences(found) == [
        "The index of version 7 lacks 2 of 9 passages that the catalog has for it. Run lockgate ingest --rebuild."
    ]
    assert check(found, "complete").figure == "7 of 9 passages in the index"


def test_an_index_that_holds_what_was_deleted_is_blocked_unless_it_is_being_erased() -> None:
    found = of_state(indexed=10)
    assert found.decision == "block"
    assert sentences(found)[0].startswith(
        "The index of version 7 holds 1 passage that the catalog has no more: what was deleted was not taken out."
    )
    erasing = of_state(indexed=10, erasing=1)
    assert erasing.decision == "promote"
    assert check(erasing, "deletes applied").figure == "1 document being erased"
    assert of_state(indexed=8, erasing=1).decision == "block"


def test_a_version_behind_its_sources_is_held_with_how_far() -> None:
    found = of_state(stale={"wiki": (9000.0, 3600.0), "mail": (None, 86400.0)})
    assert found.decision == "hold"
    assert sentences(found) == [
        "Version 7 is behind its sources: wiki (2.5 h old, at most 1.0 h), mail (never listed, at most 24.0 h). "
        "Run lockgate ingest."
    ]


def test_many_documents_that_cannot_be_read_are_held() -> None:
    assert of_state(active=8, quarantined=2).decision == "promote"
    found = of_state(active=7, quarantined=2)
    assert found.decision == "hold"
    assert sentences(found) == [
        "2 of 9 documents are kept out as they cannot be read; at most 20 % may. "
        "See lockgate status for the reasons."
    ]
    assert of_state(active=0, quarantined=0).decision == "promote"


def test_a_passage_with_the_vector_of_another_blocks_and_names_its_document() -> None:
    state = replace(SOUND, compared=300, misplaced=("handbook/leave.md",))
    found = vectors(replace(candidate(GOOD), state=state))
    assert (found.outcome, found.figure) == ("block", "300 passages compared, 1 document wrong")
    assert "not of their text, in handbook/leave.md" in found.sentence


def test_passages_with_their_own_vectors_pass() -> None:
    assert vectors(replace(candidate(GOOD), state=replace(SOUND, compared=300))).passed
