"""Golden questions: their format, their checks, their fingerprint."""

from evals.golden.load import load_golden
from evals.golden.question import KINDS, GoldenSet, Kind, Question
from evals.golden.references import check_references

__all__ = ["KINDS", "GoldenSet", "Kind", "Question", "check_references", "load_golden"]
