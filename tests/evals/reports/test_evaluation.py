from dataclasses import replace

from evals.measurement import Answered, Asked, Failure, Leak, Score
from evals.reports import evaluation_markdown
from tests.evals.making import measured
from tests.evals.reports.pages import with_answers


def test_scores_leaks_failures_and_worst_questions_are_tables() -> None:
    found = measured(
        [1.0, 0.25],
        bm25=[0.5, 0.5],
        leaks=[Leak("q0", "public", "s/a|b", ("fused", "dense"))],
        failures=[Failure("q1", "bm25", "RuntimeError", "raised in f, x.py:3")],
    )
    text = evaluation_markdown(found, version=7)
    assert text.startswith(
        "# Evaluation of version 7\n\n2 questions: 2 answerable, 0 unanswerable, 0 forbidden."
    )
    assert "| metric | n | fused (main) | bm25 |" in text
    assert "| nDCG@10 | 2 | 0.625 (0.250 to 1.000) | 0.500 (0.500 to 0.500) |" in text
    assert r"| q0 | public | s/a\|b | fused, dense |" in text
    assert "| q1 | bm25 | RuntimeError | raised in f, x.py:3 |" in text
    # q0 is perfect, and no worst question
    assert "| q1 | 0.250 | 0.500 |" in text
    assert "| q0 | 1.000" not in text


def test_the_worst_questions_come_worst_first_and_no_more_than_asked_for() -> None:
    text = evaluation_markdown(measured([0.5, 0.1, 0.9, 0.3]), version=7, worst=2)
    worst = text.split("## Worst questions")[1]
    assert [line[2:4] for line in worst.splitlines() if line.startswith("| q")] == ["qu", "q1", "q3"]


def test_without_leaks_failures_or_anything_below_perfect_the_tables_say_none() -> None:
    text = evaluation_markdown(measured([1.0] * 3), version=7)
    assert text.count("\nNone.\n") == 3


def test_long_tables_are_cut_and_the_rest_is_counted() -> None:
    leaks = [Leak("q0", "public", f"s/{number}", ("fused",)) for number in range(25)]
    text = evaluation_markdown(measured([1.0], leaks=leaks), version=7)
    assert "s/19" in text
    assert "s/20" not in text
    assert "and 5 more." in text


def test_a_measurement_of_nothing_says_so() -> None:
    empty = replace(measured([]), asked=(Asked("u", "unanswerable", "c"),))
    text = evaluation_markdown(empty, version=7)
    assert "1 question: 0 answerable, 1 unanswerable" in text
    assert "Nothing was measured" in text


def test_metrics_of_the_main_system_alone_have_no_value_for_others_and_their_own_count() -> None:
    found = with_answers([1.0, 0.5])
    unanswerable = Asked("u", "unanswerable", "c")
    rows = [Score("u", "fused", metric, 0.0, False) for metric in ("Refusal", "Faithfulness")]
    found = replace(
        found,
        asked=(*found.asked, unanswerable),
        scores=(*found.scores, *rows),
        answers=(*found.answers, Answered("u", (), (), False)),
    )
    text = evaluation_markdown(found, version=7)
    assert "| nDCG@10 | 2 | 0.750 (0.500 to 1.000) | 0.000 (0.000 to 0.000) |" in text
    assert "| Refusal | 3 | 0.667 (0.000 to 1.000) | — |" in text
    assert "Means over n questions, with 95 % intervals." in text


def test_against_an_incumbent_the_differences_and_the_questions_that_changed_most_are_tables() -> None:
    now = with_answers([0.0, 0.5, 0.5, 0.5, 1.0], passages={"q4": [("s/a", 0, 9)]})
    text = evaluation_markdown(
        now, version=7, incumbent=with_answers([1.0] * 5), incumbent_version=6, worst=2
    )
    assert "## Against version 6" in text
    assert "| nDCG@10 | 5 | 1.000 | −0.500 (−0.800 to −0.200) | worse |" in text
    assert "| Refusal | 5 | 1.000 | 0.000 (0.000 to 0.000) |  |" in text
    changed = text.split("## Changed most")[1].split("##")[0]
    assert "| q0 | 1.000 | 0.000 | lost its documents |" in changed
    assert "| q1 | 1.000 | 0.500 | nDCG@10 −0.500 |" in changed
    assert "q2" not in changed
    assert "s/a" not in text


def test_without_an_incumbent_nothing_is_compared_and_with_another_evaluator_it_says_why() -> None:
    assert "Against" not in evaluation_markdown(measured([0.5]), version=7)
    other = measured([1.0], evaluator="e2")
    text = evaluation_markdown(measured([0.5]), version=7, incumbent=other, incumbent_version=6)
    assert "## Against version 6\n\nAnother evaluator measured it" in text
    assert "Changed most" not in text
    apart = measured([1.0], contents="other")
    text = evaluation_markdown(measured([0.5]), version=7, incumbent=apart, incumbent_version=6)
    assert "They have no question in common." in text
