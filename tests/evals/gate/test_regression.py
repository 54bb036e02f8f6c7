import pytest

from tests.evals.gate.judging import GOOD, check, sentences, verdict
from tests.evals.making import measured


def test_the_first_version_has_no_incumbent_and_can_be_promoted() -> None:
    found = verdict(GOOD)
    assert found.decision == "promote"
    assert check(found, "incumbent").figure == "no incumbent to compare with"


def test_a_fall_beyond_the_margin_is_blocked_with_the_questions_that_lost_their_document() -> None:
    found = verdict(measured([0.0, 0.0, *[1.0] * 8]), measured([1.0] * 10))
    assert found.decision == "block"
    (sentence,) = sentences(found)
    assert sentence.startswith("nDCG@10 fell from 1.000 to 0.800 (-0.200, 95 % interval -0.")
    assert sentence.endswith(
        "); at most -0.020 is allowed. 2 of 10 questions lost their document, first: q0, q1."
    )
    assert check(found, "regression nDCG@10").numbers["difference"] == pytest.approx(-0.2)


def test_a_fall_in_which_no_document_was_lost_names_the_furthest_first() -> None:
    found = verdict(measured([0.9, 0.5, *[1.0] * 8]), measured([1.0] * 10))
    assert sentences(found)[0].endswith("2 of 10 questions fell, furthest: q1, q0.")


def test_a_fall_of_exactly_the_margin_passes() -> None:
    assert verdict(measured([0.76] * 10), measured([0.78] * 10)).decision == "promote"
    assert verdict(measured([0.7599] * 10), measured([0.78] * 10)).decision == "block"


def test_a_mean_held_up_by_new_questions_does_not_hide_a_fall_on_the_old_ones() -> None:
    old = [f"q{number}" for number in range(5)]
    new = [f"n{number}" for number in range(20)]
    found = verdict(measured([0.5] * 5 + [1.0] * 20, names=[*old, *new]), measured([0.9] * 5, names=old))
    assert found.decision == "block"
    assert check(found, "incumbent").figure == "5 questions in common with the incumbent"
    assert "from 0.900 to 0.500" in sentences(found)[0]


@pytest.mark.parametrize("shared", [0, 1, 4])
def test_too_few_common_questions_cannot_be_compared_and_hold(shared: int) -> None:
    names = [f"q{n}" for n in range(shared)] + [f"n{n}" for n in range(10 - shared)]
    found = verdict(measured([0.8] * 10, names=names), GOOD)
    assert found.decision == "hold"
    assert len(found.reasons) == 1
    assert "cannot be compared" in sentences(found)[0]


def test_a_question_rewritten_under_its_old_id_is_not_common() -> None:
    found = verdict(measured([0.8] * 10, contents="rewritten"), GOOD)
    assert found.decision == "hold"
    assert check(found, "incumbent").numbers["common"] == 0


def test_another_evaluator_holds_and_says_what_to_evaluate_again() -> None:
    found = verdict(measured([0.8] * 10, evaluator="e2"), GOOD)
    assert found.decision == "hold"
    assert "another evaluator" in sentences(found)[0]
    assert "Evaluate the promoted version again" in sentences(found)[0]
