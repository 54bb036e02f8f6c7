from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from evals.gate import Bar, GatePolicy, decide
from evals.measurement import Measurement
from tests.evals.gate.judging import GOOD, candidate, check, sentences, verdict
from tests.evals.making import measured


def test_the_first_version_has_no_incumbent_and_can_be_promoted() -> None:
    found = verdict(GOOD)
    assert found.decision == "promote"
    assert check(found, "incumbent").figure == "no incumbent to compare with"


def test_a_fall_beyond_chance_is_blocked_with_the_questions_that_lost_their_document() -> None:
    found = verdict(measured([*[0.0] * 5, *[1.0] * 5]), measured([1.0] * 10))
    assert found.decision == "block"
    (sentence,) = sentences(found)[-1:]
    assert sentence.startswith("nDCG@10 fell from 1.000 to 0.500 (-0.500, 95 % interval -0.")
    assert sentence.endswith(
        "); at most -0.020 is allowed. 5 of 10 questions lost their document, first: q0, q1, q2, q3, q4."
    )
    assert check(found, "regression nDCG@10").numbers["difference"] == pytest.approx(-0.5)


def test_a_fall_in_which_no_document_was_lost_names_the_furthest_first() -> None:
    found = verdict(measured([0.9, 0.5, 0.8, 0.7, *[1.0] * 6]), measured([1.0] * 10))
    assert sentences(found)[0].endswith("4 of 10 questions fell, furthest: q1, q3, q2, q0.")


def test_what_may_be_chance_is_held_and_says_how_many_questions_would_settle_it() -> None:
    # Differences -1, 0 × 9: mean -0.1, standard deviation 0.316; (1.96 * 0.316 / 0.1)² is 38.4, 28.4 more than 10.
    found = verdict(measured([0.0, *[1.0] * 9]), measured([1.0] * 10))
    assert found.decision == "hold"
    (sentence,) = sentences(found)
    assert sentence.startswith("nDCG@10 went from 1.000 to 0.900 over 10 questions (-0.100, 95 % interval ")
    assert sentence.endswith(
        "a fall by more than 0.020 cannot be ruled out. "
        "About 29 more questions like these would settle it, or a person may approve."
    )


def test_what_no_number_of_questions_would_settle_says_so() -> None:
    policy = GatePolicy({"nDCG@10": Bar(margin=0.0)}, resamples=200)
    found = decide(policy, candidate(measured([0.5, 1.0] * 5)), measured([1.0, 0.5] * 5))
    assert found.decision == "hold"
    assert sentences(found)[0].endswith(
        "More questions like these would not settle it; a person may approve."
    )


def test_a_rise_that_may_be_a_fall_is_held_too() -> None:
    now = [0.5, 1.0] * 5
    found = verdict(measured(now), measured([1.0, 0.4] * 5))
    assert check(found, "regression nDCG@10").numbers["difference"] == pytest.approx(0.05)
    assert found.decision == "hold"


def test_a_rise_in_every_question_passes() -> None:
    assert verdict(measured([0.7, 0.9] * 5), measured([0.6, 0.8] * 5)).decision == "promote"


def sliced(values: list[float], tags: list[str]) -> Measurement:
    whole = measured(values)
    return replace(
        whole, asked=tuple(replace(one, tags=(tag,)) for one, tag in zip(whole.asked, tags, strict=True))
    )


def test_a_slice_is_compared_by_itself_with_its_own_margin() -> None:
    policy = GatePolicy({"nDCG@10": Bar(margin=0.2, slices={"mail": 0.05})}, resamples=200)
    tags = ["mail"] * 6 + ["files"] * 54
    before = sliced([0.9] * 60, tags)
    found = decide(policy, candidate(sliced([0.6] * 6 + [0.9] * 54, tags)), before)
    assert found.decision == "block"
    assert check(found, "regression nDCG@10").passed
    assert sentences(found)[0].startswith("nDCG@10 of mail fell from 0.900 to 0.600")
    assert decide(policy, candidate(before), before).decision == "promote"


def test_a_slice_of_few_questions_is_no_evidence() -> None:
    policy = GatePolicy({"nDCG@10": Bar(slices={"mail": 0.05})}, resamples=200)
    tags = ["mail"] * 4 + ["files"] * 6
    found = decide(policy, candidate(sliced([0.9] * 10, tags)), sliced([0.9] * 10, tags))
    assert found.decision == "hold"
    assert sentences(found) == ["Of nDCG@10 of mail there are 4 questions to compare; at least 5 are needed."]


def test_of_many_slices_one_that_is_low_by_chance_does_not_block() -> None:
    lost = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert verdict(measured(lost), measured([1.0] * 6)).decision == "block"
    # A p of 1/64 is below 2.5 %, and not below a tenth of that.
    tags = [f"t{number}" for number in range(10) for _ in range(6)]
    policy = GatePolicy(
        {"nDCG@10": Bar(margin=0.9, slices={f"t{n}": 0.0 for n in range(10)})}, resamples=2000
    )
    found = decide(policy, candidate(sliced([*lost, *[1.0] * 54], tags)), sliced([1.0] * 60, tags))
    assert found.decision == "hold"
    assert check(found, "regression nDCG@10 of t0").outcome == "hold"
    assert check(found, "regression nDCG@10 of t1").passed


@pytest.mark.parametrize("questions", [20, 300])
def test_noise_is_seldom_blocked_and_on_twenty_questions_held(questions: int) -> None:
    chance = np.random.default_rng(1)
    decisions: Counter[str] = Counter()
    for _ in range(400):
        before = chance.beta(2, 1, questions)
        now = np.clip(before + chance.normal(0, 0.15, questions), 0, 1)
        again = np.clip(before + chance.normal(0, 0.15, questions), 0, 1)
        policy = GatePolicy({"nDCG@10": Bar(margin=0.02)}, resamples=300)
        found = decide(policy, candidate(measured(now.tolist())), measured(again.tolist()))
        decisions[found.decision] += 1
    assert decisions["block"] <= 20
    if questions == 20:
        assert decisions["hold"] > 340


def test_a_real_fall_of_three_points_is_blocked_with_three_hundred_questions() -> None:
    """One question in ten loses a third of its score, as where a tenth of the vectors are another's."""
    chance = np.random.default_rng(2)
    blocked = 0
    for _ in range(100):
        before = chance.beta(3, 1, 300)
        lost = chance.random(300) < 0.1
        now = np.where(lost, before * 0.6, before)
        policy = GatePolicy({"nDCG@10": Bar(margin=0.02)}, resamples=300)
        found = decide(policy, candidate(measured(now.tolist())), measured(before.tolist()))
        blocked += found.decision == "block"
    assert blocked >= 95


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
