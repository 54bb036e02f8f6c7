"""Measurements and verdicts, for people as Markdown and for continuous integration as JUnit XML."""

from evals.reports.decision import decision_markdown, decision_rows
from evals.reports.escaping import escape
from evals.reports.evaluation import evaluation_markdown
from evals.reports.junit import junit_xml

__all__ = ["decision_markdown", "decision_rows", "escape", "evaluation_markdown", "junit_xml"]
