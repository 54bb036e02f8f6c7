"""Golden questions: their format, their checks, their fingerprint."""

from evals.golden.corpus import CatalogCorpus
from evals.golden.findings import Corpus, Finding, findings
from evals.golden.load import load_golden
from evals.golden.question import KINDS, GoldenSet, Kind, Question
from evals.golden.references import check_references
from evals.golden.usable import check_usable

__all__ = [
    "KINDS",
    "CatalogCorpus",
    "Corpus",
    "Finding",
    "GoldenSet",
    "Kind",
    "Question",
    "check_references",
    "check_usable",
    "findings",
    "load_golden",
]
