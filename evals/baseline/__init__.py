"""The independent plain-lexical baseline."""

from evals.baseline.bm25 import Bm25Baseline, Passage
from evals.baseline.words import STOP_WORDS, words

__all__ = ["STOP_WORDS", "Bm25Baseline", "Passage", "words"]
