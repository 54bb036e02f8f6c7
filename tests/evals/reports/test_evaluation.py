from dataclasses import replace

from evals.measurement import Asked, Failure, Leak
from evals.reports import evaluation_markdown
from tests.evals.making import measured


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
    assert "| system | nDCG@10 |" in text
    assert "| fused (main) | 0.625 (0.250 to 1.000) |" in text
    assert "| bm25 | 0.500 (0.500 to 0.500) |" in text
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
