"""Every golden question answered and judged: what is scored, what leaks, what fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from evals.answers import measure_answers
from evals.evaluate import MayRead, evaluate
from evals.golden import GoldenSet, Kind, Question
from evals.judges.port import Case, Judge, JudgeFailure, Judgement
from evals.measurement import Answered, Failure, Leak, Measurement
from rag.answering.answer import Answer, Sentence, refusal
from rag.answering.port import Usage
from rag.errors import LockgateError, ModelError, ModelUnavailableError
from rag.retrieval import Hit
from tests.evals.making import ADA, question


def hit(document: str, text: str, start: int = 0) -> Hit:
    return Hit(1, 1.0, document, "", None, text, None, (start, start + len(text)), None, ())


LEAVE = hit("s/leave", "Leave is sixteen weeks.")
OTHER = hit("s/other", "Bicycles are parked outside.", start=100)


def said(*texts: str, cites: tuple[int, ...] = (1,), passages: tuple[Hit, ...] = (LEAVE, OTHER)) -> Answer:
    return Answer(tuple(Sentence(text, cites) for text in texts), passages, usage=Usage(1, 10, 5, 0.5))


class TableJudge:
    """Verdicts by the text of the answer; 1 for what is not in the table. Remembers the cases."""

    name, fingerprint = "table", "j1"

    def __init__(self, verdicts: Mapping[str, Judgement | JudgeFailure] | None = None, *more: str) -> None:
        self.metrics = ("Faithfulness", "AnswerCorrectness", *more)
        self.verdicts = verdicts or {}
        self.cases: list[Case] = []

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        self.cases += cases
        whole = Judgement(dict.fromkeys(self.metrics, 1.0), Usage(2, 20, 10, 1.0))
        return [self.verdicts.get(case.answer, whole) for case in cases]


def measured(
    questions: Sequence[Question],
    answers: Mapping[str, Answer | LockgateError],
    *,
    judge: Judge | None = None,
    found: Mapping[str, Sequence[Hit] | Exception] | None = None,
    may_read: MayRead = lambda principal, document: True,
    borne_out: float = 1.0,
) -> Measurement:
    golden = GoldenSet(tuple(questions))

    def nothing(question: str, *, principal: str, limit: int) -> Sequence[str]:
        return ()

    def find(question: str, *, principal: str) -> Sequence[Hit]:
        hits = (found or {}).get(question, (LEAVE, OTHER))
        if isinstance(hits, Exception):
            raise hits
        return hits

    return measure_answers(
        golden,
        evaluate(golden, {"fused": nothing}, main="fused", may_read=may_read),
        find=find,
        answer_all=lambda asked: [answers[text] for text, _ in asked],
        judge=judge or TableJudge(),
        supports=lambda statements: [borne_out] * len(statements),
        may_read=may_read,
    )


def ask(
    identity: str,
    *,
    answer: str | None = None,
    evidence: tuple[int, int] | None = None,
    kind: Kind = "answerable",
) -> Question:
    made = question(identity, {"s/leave": 1} if kind != "unanswerable" else {}, kind=kind)
    spans = {"s/leave": (evidence,)} if evidence else {}
    return Question(
        made.id, made.question, made.principal, made.kind, made.expected, answer, (), made.where, spans
    )


def values(measurement: Measurement, metric: str) -> dict[str, float]:
    return measurement.values("fused", metric)


def test_an_answer_is_scored_by_its_passages_its_judge_and_its_citations() -> None:
    judge = TableJudge({"Sixteen weeks.": Judgement({"Faithfulness": 0.75, "AnswerCorrectness": 0.5})})
    found = measured(
        [ask("a", answer="16 weeks", evidence=(0, 46))], {"about a": said("Sixteen weeks.")}, judge=judge
    )
    assert {name: values(found, name)["a"] for name in found.metrics if name not in RANKINGS} == {
        "SpanRecall": 0.5,
        "SpanPrecision": pytest.approx(23 / 51),
        "ContextPrecision": 0.5,
        "ContextRecall": 1.0,
        "Faithfulness": 0.75,
        "Citations": 1.0,
        "Refusal": 1.0,
        "AnswerCorrectness": 0.5,
    }
    assert judge.cases == [Case("about a", "Sixteen weeks.", (LEAVE.text, OTHER.text), "16 weeks")]
    assert found.answers == (Answered("a", (("s/leave", 0, 23), ("s/other", 100, 128)), (1,), False),)
    assert found.fingerprints["judge"] == "j1"


RANKINGS = ("nDCG@10", "P@5", "Recall@10", "MRR", "Success@1")


def test_a_refusal_says_nothing_wrong_and_nothing_of_what_was_asked_for() -> None:
    found = measured([ask("a", answer="16 weeks")], {"about a": refusal((LEAVE,))})
    assert values(found, "Faithfulness") == values(found, "Citations") == {"a": 1.0}
    assert values(found, "AnswerCorrectness") == values(found, "Refusal") == {"a": 0.0}


def test_an_unanswerable_or_forbidden_question_should_be_refused() -> None:
    questions = [
        ask("a"),
        ask("u", kind="unanswerable"),
        ask("v", kind="unanswerable"),
        ask("f", kind="forbidden"),
    ]
    answers = {"about a": said("x"), "about u": refusal(), "about v": said("x"), "about f": refusal()}
    found = measured(questions, answers, found={"about f": (OTHER,)})
    assert values(found, "Refusal") == {"a": 1.0, "u": 1.0, "v": 0.0, "f": 1.0}


def test_sentences_that_their_citations_do_not_bear_out_are_not_well_cited() -> None:
    found = measured([ask("a")], {"about a": said("One.", "Two.")}, borne_out=0.49)
    assert values(found, "Citations") == {"a": 0.0}


def test_a_metric_without_a_question_in_its_scope_is_not_measured() -> None:
    found = measured([ask("a")], {"about a": said("x")})
    assert "SpanRecall" not in found.metrics
    assert "AnswerCorrectness" not in found.metrics


def test_an_answer_that_failed_is_a_recorded_failure_with_the_worst_values() -> None:
    broken = ModelUnavailableError("the endpoint is silent")
    found = measured([ask("a", answer="x"), ask("b", answer="x")], {"about a": broken, "about b": said("x")})
    assert found.failures == (Failure("a", "answer", "ModelUnavailableError", "the endpoint is silent."),)
    for name in ("Faithfulness", "Citations", "Refusal", "AnswerCorrectness"):
        assert values(found, name) == {"a": 0.0, "b": 1.0}
    assert values(found, "ContextRecall") == {"a": 1.0, "b": 1.0}
    failed = {(row.question, row.metric) for row in found.scores if row.failed}
    assert ("a", "Faithfulness") in failed
    assert ("a", "ContextRecall") not in failed


def test_a_search_that_failed_fails_every_metric_and_nobody_is_asked_to_answer() -> None:
    found = measured([ask("a")], {}, found={"about a": RuntimeError("secret text")})
    (failure,) = found.failures
    assert (failure.question, failure.system, failure.error) == ("a", "answer", "RuntimeError")
    assert "secret" not in failure.message
    assert values(found, "ContextRecall") == values(found, "Faithfulness") == {"a": 0.0}
    assert found.answers == (Answered("a", (), (), False),)


def test_a_judge_that_failed_is_a_recorded_failure_and_its_metrics_count_as_worst() -> None:
    judge = TableJudge({"x": JudgeFailure("ModelError", "Faithfulness: cut off", Usage(3, 1, 1, 0.25))})
    found = measured([ask("a", answer="y")], {"about a": said("x")}, judge=judge)
    assert found.failures == (Failure("a", "judge", "ModelError", "Faithfulness: cut off"),)
    assert values(found, "Faithfulness") == values(found, "AnswerCorrectness") == {"a": 0.0}
    assert values(found, "Citations") == values(found, "Refusal") == {"a": 1.0}
    assert found.failed == ("a",)


def test_what_models_took_is_added_up() -> None:
    found = measured([ask("a"), ask("b")], {"about a": said("x"), "about b": refusal()})
    assert found.spent == Usage(3, 30, 15, 1.5)


def test_a_passage_that_the_reader_may_not_have_is_a_leak() -> None:
    found = measured(
        [ask("a")], {"about a": said("x")}, may_read=lambda principal, document: document == "s/leave"
    )
    assert found.leaks == (Leak("a", ADA, "s/other", ("answer",)),)


def test_a_passage_of_what_a_forbidden_question_names_is_a_leak() -> None:
    found = measured([ask("f", kind="forbidden")], {"about f": refusal((LEAVE,))})
    assert found.leaks == (Leak("f", ADA, "s/leave", ("answer",)),)


def test_a_judge_of_passages_is_asked_about_a_refusal_too_but_not_about_its_words() -> None:
    judge = TableJudge({}, "LLMContextRecall")
    found = measured(
        [ask("a", answer="y"), ask("b")], {"about a": refusal((LEAVE,)), "about b": refusal()}, judge=judge
    )
    assert [(case.question, case.answer) for case in judge.cases] == [("about a", "")]
    assert values(found, "LLMContextRecall") == {"a": 1.0}
    assert values(found, "AnswerCorrectness") == {"a": 0.0}


def test_a_model_error_keeps_its_own_words_which_hold_no_text() -> None:
    found = measured(
        [ask("a")], {"about a": ModelError("cut off", where="model 'm'", next_step="Allow more tokens")}
    )
    assert found.failures[0].message == "model 'm': cut off. Allow more tokens."


def test_what_a_failed_answer_took_is_counted_too() -> None:
    broken = ModelError("cut off")
    broken.usage = Usage(1, 100, 200, 2.0)
    assert measured([ask("a")], {"about a": broken}).spent == Usage(1, 100, 200, 2.0)


def test_no_question_is_no_measurement_of_answers() -> None:
    assert measured([], {}).metrics == ()
