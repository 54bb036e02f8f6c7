from evals.gate import Check, Reason, Verdict
from evals.reports import decision_markdown, decision_rows

VERDICT = Verdict(
    "block",
    (Reason("leaks", "block", "The index gave s/a|b_c_ to public."),),
    (Check("leaks", "block", "1 leak: s/a|b"), Check("evidence", "pass", "80 answerable questions")),
)


def test_the_decision_its_reasons_and_every_check_are_shown() -> None:
    assert decision_markdown(VERDICT).splitlines() == [
        "# Gate: block",
        "",
        r"- The index gave s/a\|b\_c\_ to public.",
        "",
        "| check | outcome | found |",
        "| --- | --- | --- |",
        r"| leaks | block | 1 leak: s/a\|b |",
        "| evidence | pass | 80 answerable questions |",
    ]


def test_rows_are_plain_text_with_the_same_columns() -> None:
    assert decision_rows(VERDICT) == [
        {"check": "leaks", "outcome": "block", "found": "1 leak: s/a|b"},
        {"check": "evidence", "outcome": "pass", "found": "80 answerable questions"},
    ]
