"""A verdict as Markdown, and as rows of a table."""

from __future__ import annotations

from evals.gate import Verdict
from evals.reports.escaping import escape


def decision_markdown(verdict: Verdict) -> str:
    """The decision, its reasons as a list, and every check as a table."""
    lines = [f"# Gate: {verdict.decision}", ""]
    lines += [f"- {escape(reason.sentence)}" for reason in verdict.reasons]
    lines += ["", "| check | outcome | found |", "| --- | --- | --- |"]
    lines += [f"| {escape(one.name)} | {one.outcome} | {escape(one.figure)} |" for one in verdict.checks]
    return "\n".join(lines) + "\n"


def decision_rows(verdict: Verdict) -> list[dict[str, str]]:
    """One row a check with the columns ``check``, ``outcome``, ``found``: plain text, not Markdown."""
    return [{"check": one.name, "outcome": one.outcome, "found": one.figure} for one in verdict.checks]
