from collections.abc import Mapping, Sequence

import pytest

from evals.evaluate import evaluate
from evals.measurement import Leak, Measurement
from rag.errors import EvaluationError, IndexMissingError
from tests.evals.making import ADA, golden, question


class Fake:
    """Answers from a table by question text; an exception in it is raised. Remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Sequence[str] | BaseException] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[tuple[str, str, int]] = []

    def __call__(self, question: str, *, principal: str, limit: int) -> Sequence[str]:
        self.asked.append((question, principal, limit))
        answer = self.answers.get(question, ())
        if isinstance(answer, BaseException):
            raise answer
        return answer


def everything(principal: str, document: str) -> bool:
    return True


def value(measurement: Measurement, identity: str, metric: str = "MRR", system: str = "fused") -> float:
    return measurement.values(system, metric)[identity]


def test_every_question_is_asked_of_every_system_as_its_principal() -> None:
    fused, bm25 = Fake(), Fake()
    questions = golden(
        question("a"), question("u", kind="unanswerable", asker="public"), question("f", kind="forbidden")
    )
    evaluate(questions, {"fused": fused, "bm25": bm25}, main="fused", may_read=everything, limit=12)
    assert (
        fused.asked == bm25.asked == [("about a", ADA, 12), ("about u", "public", 12), ("about f", ADA, 12)]
    )


def test_answerable_questions_alone_are_scored_on_every_metric_of_every_system() -> None:
    questions = golden(question("a"), question("u", kind="unanswerable"), question("f", kind="forbidden"))
    fused, bm25 = Fake({"about a": ["s/x", "s/a"]}), Fake({"about a": ["s/a"]})
    found = evaluate(questions, {"fused": fused, "bm25": bm25}, main="fused", may_read=everything)
    assert [(row.question, row.system) for row in found.scores] == [("a", "fused")] * 5 + [("a", "bm25")] * 5
    assert value(found, "a") == 0.5
    assert value(found, "a", system="bm25") == 1.0
    assert (found.leaks, found.failures) == ((), ())
    assert [(one.question, one.kind) for one in found.asked] == [
        ("a", "answerable"),
        ("u", "unanswerable"),
        ("f", "forbidden"),
    ]
    assert found.fingerprints["golden"] == questions.fingerprint


@pytest.mark.parametrize(
    "error", [RuntimeError("Ada earns 100"), IndexMissingError("version 7 is gone"), MemoryError()]
)
def test_a_search_that_raises_is_a_failure_that_scores_0_and_drops_nothing(error: Exception) -> None:
    questions = golden(question("a"), question("b"))
    fused = Fake({"about a": error, "about b": ["s/b"]})
    found = evaluate(questions, {"fused": fused, "bm25": Fake()}, main="fused", may_read=everything)
    (failure,) = found.failures
    assert (failure.question, failure.system, failure.error) == ("a", "fused", type(error).__name__)
    assert value(found, "a") == 0
    assert found.summary("fused")["MRR"].mean == 0.5
    assert {(row.question, row.system) for row in found.scores if row.failed} == {("a", "fused")}
    assert found.failed == ("a",)


def test_the_text_of_a_foreign_error_is_not_kept_and_its_place_is() -> None:
    fused = Fake({"about a": RuntimeError("Ada earns 100")})
    (failure,) = evaluate(golden(question("a")), {"fused": fused}, main="fused", may_read=everything).failures
    assert "100" not in failure.message
    assert "raised in __call__" in failure.message
    assert "test_evaluate.py:" in failure.message


def test_an_error_of_our_own_keeps_its_sentence() -> None:
    fused = Fake({"about a": IndexMissingError("version 7 is gone")})
    (failure,) = evaluate(golden(question("a")), {"fused": fused}, main="fused", may_read=everything).failures
    assert failure.message == "version 7 is gone."


def test_failures_of_unscored_questions_are_recorded_too() -> None:
    questions = golden(question("u", kind="unanswerable"), question("f", kind="forbidden"))
    fused = Fake({"about u": RuntimeError(), "about f": RuntimeError()})
    found = evaluate(questions, {"fused": fused}, main="fused", may_read=everything)
    assert found.failed == ("u", "f")


def test_an_interrupt_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate(
            golden(question("a")),
            {"fused": Fake({"about a": KeyboardInterrupt()})},
            main="fused",
            may_read=everything,
        )


@pytest.mark.parametrize("answer", [None, "s/a", [1], [["s/a"]], 7])
def test_an_answer_that_is_no_sequence_of_documents_is_a_failure(answer: object) -> None:
    def broken(question: str, *, principal: str, limit: int) -> Sequence[str]:
        return answer  # type: ignore[return-value]  # wrong on purpose

    found = evaluate(golden(question("a")), {"fused": broken}, main="fused", may_read=everything)
    assert found.failed == ("a",)


def test_a_document_that_the_oracle_denies_is_a_leak_for_every_kind_of_question_and_every_system() -> None:
    questions = golden(question("a"), question("u", kind="unanswerable"), question("f", kind="forbidden"))
    secret = Fake({f"about {one}": ["s/a", "s/secret"] for one in "auf"})
    found = evaluate(
        questions,
        {"fused": secret, "dense": secret, "bm25": Fake()},
        main="fused",
        may_read=lambda principal, document: document != "s/secret",
    )
    assert found.leaks == tuple(Leak(one, ADA, "s/secret", ("fused", "dense")) for one in "auf")


def test_the_oracle_is_asked_about_the_questions_own_principal() -> None:
    questions = golden(question("a"), question("b", asker="user:bob@acme.example"))
    fused = Fake({"about a": ["s/x"], "about b": ["s/x"]})
    found = evaluate(questions, {"fused": fused}, main="fused", may_read=lambda who, document: who == ADA)
    assert [leak.question for leak in found.leaks] == ["b"]


def test_a_document_that_a_forbidden_question_names_is_a_leak_of_main_even_if_the_oracle_allows_it() -> None:
    asked = question("f", {"s/x": 1, "s/y": 0}, kind="forbidden")
    answers = Fake({"about f": ["s/z", "s/y", "s/x", "s/y"]})
    found = evaluate(golden(asked), {"fused": answers, "bm25": answers}, main="fused", may_read=everything)
    assert found.leaks == (Leak("f", ADA, "s/y", ("fused",)), Leak("f", ADA, "s/x", ("fused",)))


def test_documents_past_the_limit_are_not_scored_and_are_checked_for_leaks() -> None:
    fused = Fake({"about a": [f"s/{number}" for number in range(10)] + ["s/a"]})
    found = evaluate(
        golden(question("a")), {"fused": fused}, main="fused", may_read=lambda who, one: one != "s/a"
    )
    assert value(found, "a") == 0
    assert [leak.document for leak in found.leaks] == ["s/a"]


def test_an_oracle_that_raises_is_a_failure_and_never_a_yes() -> None:
    def oracle(principal: str, document: str) -> bool:
        if document == "s/a":
            raise RuntimeError("the catalog is gone")
        return document != "s/secret"

    fused = Fake({"about a": ["s/a", "s/secret", "s/b"]})
    found = evaluate(golden(question("a")), {"fused": fused}, main="fused", may_read=oracle)
    assert [leak.document for leak in found.leaks] == ["s/a", "s/secret"]
    assert [failure.error for failure in found.failures] == ["RuntimeError"]
    assert value(found, "a") == 0


def test_progress_is_told_after_each_question() -> None:
    told: list[tuple[int, int]] = []
    evaluate(
        golden(question("a"), question("b")),
        {"fused": Fake({"about a": RuntimeError()})},
        main="fused",
        may_read=everything,
        progress=lambda asked, all_: told.append((asked, all_)),
    )
    assert told == [(1, 2), (2, 2)]


def test_an_empty_golden_set_measures_nothing_and_says_so() -> None:
    found = evaluate(golden(), {"fused": Fake()}, main="fused", may_read=everything)
    assert found.scores == ()
    assert found.asked == ()
    assert found.summary("fused") == {}


def test_main_has_to_be_a_system_and_the_limit_deep_enough() -> None:
    with pytest.raises(EvaluationError, match="'fused' is not among the systems bm25"):
        evaluate(golden(), {"bm25": Fake()}, main="fused", may_read=everything)
    with pytest.raises(EvaluationError, match="limit of 9"):
        evaluate(golden(), {"fused": Fake()}, main="fused", may_read=everything, limit=9)
