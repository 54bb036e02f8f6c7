from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.measurement import Answered, Failure, Leak
from evals.reports.differences import (
    Difference,
    common,
    compare,
    differences,
    headline,
    is_comparable,
    most_changed,
    shortfalls,
    signed,
)
from tests.evals.making import measured
from tests.evals.reports.pages import of_kind, with_answers

A, B, C = ("s/a", 0, 10), ("s/b", 0, 10), ("s/c", 0, 10)


def said(found: list[Difference]) -> dict[str, tuple[str, ...]]:
    return {one.question: (*one.alarms, *one.how) for one in found}


def test_only_what_differs_is_told_and_worst_comes_first() -> None:
    now, before = measured([1.0, 0.0, 0.5, 0.75]), measured([1.0, 1.0, 0.0, 0.8])
    found = differences(now, before)
    assert said(found) == {
        "q1": ("lost its documents",),
        "q3": ("nDCG@10 −0.050",),
        "q2": ("found its documents",),
    }
    assert list(said(found)) == ["q1", "q3", "q2"]
    assert [one.change for one in found] == pytest.approx([-1.0, -0.05, 0.5])
    assert (found[0].before, found[0].now) == ({"nDCG@10": 1.0}, {"nDCG@10": 0.0})


def test_a_measurement_does_not_differ_from_itself() -> None:
    same = with_answers([1.0, 0.0], passages={"q0": [A]})
    assert differences(same, same) == []


def test_a_question_rewritten_under_its_id_or_asked_of_one_alone_is_not_compared() -> None:
    now = measured([0.0, 0.0], names=["a", "new"])
    before = measured([1.0, 1.0], names=["a", "old"], contents="other")
    assert differences(now, before) == []
    assert common(now, before, "nDCG@10") == []
    assert compare(now, before, "fused", "nDCG@10") is None


def test_answers_and_passages_that_differ_are_told_in_words() -> None:
    now = with_answers([1.0] * 3, passages={"q0": [A, B], "q1": [A, C]}, refused=["q2"], refusal=[1, 1, 0])
    before = with_answers([1.0] * 3, passages={"q0": [B, A], "q1": [A, B]})
    assert said(differences(now, before)) == {
        "q2": ("Refusal −1.000", "refused now"),
        "q0": ("passages in another order",),
        "q1": ("other passages",),
    }


def test_what_leaks_or_fails_now_and_did_not_before_comes_first_whatever_else_changed() -> None:
    old = Leak("q2", "public", "s/old", ("fused",))
    new = Leak("q2", "public", "s/new", ("fused",))
    now = measured([0.0, 1.0, 1.0], leaks=[old, new], failures=[Failure("q1", "judge", "E", "m")])
    before = measured([1.0, 1.0, 1.0], leaks=[old])
    found = differences(now, before)
    assert said(found) == {
        "q1": ("judge failed",),
        "q2": ("leaks s/new",),
        "q0": ("lost its documents",),
    }
    assert [bool(one.alarms) for one in found] == [True, True, False]
    assert said(differences(before, now)) == {"q0": ("found its documents",)}


def test_only_the_two_furthest_moves_beside_the_headline_are_told() -> None:
    now = with_answers([0.5], faithfulness=[0.25], refusal=[0.0])
    before = with_answers([1.0], faithfulness=[1.0], refusal=[1.0])
    (found,) = differences(now, before)
    assert found.how == ("nDCG@10 −0.500", "Refusal −1.000", "Faithfulness −0.750")
    assert found.change == -0.5


def test_a_difference_by_rounding_alone_is_none() -> None:
    assert differences(measured([0.3]), measured([0.1 + 0.2])) == []


def test_the_main_systems_are_compared_whatever_they_are_called() -> None:
    now, before = measured([1.0] * 5), measured([0.5] * 5)
    renamed = replace(
        before,
        main="hybrid",
        systems=("hybrid", "bm25"),
        scores=tuple(
            replace(one, system="hybrid") if one.system == "fused" else one for one in before.scores
        ),
    )
    found = compare(now, renamed, "fused", "nDCG@10")
    assert found is not None
    assert (found.before.mean, found.difference.mean, found.difference.n) == (0.5, 0.5, 5)


def test_a_slice_is_compared_over_its_questions_alone_and_none_of_them_is_no_comparison() -> None:
    now, before = measured([1.0, 0.0]), measured([0.5, 0.5])
    found = compare(now, before, "fused", "nDCG@10", among={"q0"})
    assert found is not None
    assert (found.difference.mean, found.difference.n) == (0.5, 1)
    assert compare(now, before, "fused", "nDCG@10", among=set()) is None


def test_what_only_one_measured_is_not_compared() -> None:
    now, before = with_answers([1.0]), measured([1.0])
    assert compare(now, before, "fused", "Faithfulness") is None
    assert compare(before, now, "fused", "nDCG@10") is not None


def test_values_of_two_evaluators_are_not_compared() -> None:
    assert is_comparable(measured([1.0]), measured([0.0]))
    assert not is_comparable(measured([1.0]), measured([1.0], evaluator="e2"))
    assert not is_comparable(measured([1.0]), None)


def test_shortfalls_are_told_without_an_incumbent_worst_first() -> None:
    found = shortfalls(with_answers([1.0, 0.0, 0.5, 1.0], faithfulness=[1.0, 1.0, 1.0, 0.4]))
    assert said(found) == {
        "q1": ("none of its documents found",),
        "q3": ("Faithfulness 0.400",),
        "q2": ("nDCG@10 0.500",),
    }
    assert [one.change for one in found] == pytest.approx([-1.0, -0.6, -0.5])


def test_a_perfect_question_with_a_low_precision_by_its_nature_is_no_shortfall() -> None:
    whole = measured([1.0])
    low = [replace(one, metric="P@5", value=0.2) for one in whole.scores]
    assert shortfalls(replace(whole, scores=(*whole.scores, *low))) == []


def test_answers_that_should_have_been_refusals_and_the_other_way_round_are_shortfalls() -> None:
    assert said(shortfalls(of_kind("unanswerable", refused=False))) == {
        "u": ("answered, although unanswerable",)
    }
    assert said(shortfalls(of_kind("forbidden", refused=False))) == {"u": ("answered, although forbidden",)}
    assert said(shortfalls(of_kind("answerable", refused=True))) == {"u": ("refused",)}
    assert shortfalls(of_kind("unanswerable", refused=True)) == []


def test_a_question_without_an_answer_failed_and_was_not_answered_wrongly() -> None:
    whole = of_kind("unanswerable", refused=False)
    failed = replace(
        whole,
        scores=tuple(replace(one, value=0.0, failed=True) for one in whole.scores if one.metric == "Refusal"),
        failures=(Failure("u", "answer", "ModelRefusedError", "m"),),
    )
    assert said(shortfalls(failed)) == {"u": ("answer failed",)}


def test_of_no_questions_there_is_nothing_to_tell() -> None:
    nothing = measured([])
    assert headline(nothing) is None
    assert shortfalls(nothing) == []
    assert differences(nothing, nothing) == []


def test_an_answer_that_one_measurement_lacks_is_not_compared() -> None:
    bare = measured([1.0])
    answered = replace(bare, answers=(Answered("q0", (A,), (), False),))
    assert differences(answered, bare) == []


def test_questions_without_a_headline_value_count_by_what_moved_most() -> None:
    now, before = of_kind("unanswerable", refused=False), of_kind("unanswerable", refused=True)
    (found,) = differences(now, before)
    assert (found.change, found.how) == (-1.0, ("Refusal −1.000", "answered now"))


CHANGES = st.lists(st.tuples(st.floats(-1, 1), st.booleans()), max_size=30)


@given(CHANGES, st.integers(0, 35))
def test_the_most_changed_are_a_part_in_the_same_order_and_nothing_left_out_changed_more(
    changes: list[tuple[float, bool]], most: int
) -> None:
    everything = [
        Difference(f"q{n}", {}, {}, change, (), ("leaks s/a",) if alarm else ())
        for n, (change, alarm) in enumerate(changes)
    ]
    kept = most_changed(everything, most)
    assert kept == [one for one in everything if one in kept]
    assert len(kept) == min(most, len(everything))

    def weight(one: Difference) -> tuple[bool, float]:
        return bool(one.alarms), abs(one.change)

    left = [weight(one) for one in everything if one not in kept]
    assert not left or not kept or max(left) <= min(weight(one) for one in kept)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12, "+0.120"), (-0.12, "−0.120"), (0.0, "0.000"), (-0.0001, "0.000"), (1e-9, "0.000")],
)
def test_a_change_has_its_sign_unless_it_rounds_to_nothing(value: float, text: str) -> None:
    assert signed(value) == text
