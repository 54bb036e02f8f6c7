"""Measurements and verdicts as Markdown."""

from evals.reports.decision import decision_markdown, decision_rows
from evals.reports.escaping import escape
from evals.reports.evaluation import evaluation_markdown

__all__ = ["decision_markdown", "decision_rows", "escape", "evaluation_markdown"]
