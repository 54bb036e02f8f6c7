"""Measurements and verdicts, for people as Markdown and as a page, and for continuous integration as JUnit XML."""

from evals.reports.decision import decision_markdown, decision_rows
from evals.reports.escaping import escape
from evals.reports.evaluation import evaluation_markdown
from evals.reports.junit import junit_xml
from evals.reports.page import evaluation_page
from evals.reports.page_judge import Groundedness, JudgeNote

__all__ = [
    "Groundedness",
    "JudgeNote",
    "decision_markdown",
    "decision_rows",
    "escape",
    "evaluation_markdown",
    "evaluation_page",
    "junit_xml",
]
