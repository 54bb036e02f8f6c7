"""The nearest known word: what a person most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of ``known`` most like ``word`` (difflib's ratio, ties by alphabet); ``""`` without any."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(word)
    best, best_ratio = "", -1.0
    for candidate in sorted(known):
        matcher.set_seq1(candidate)
        # both are upper bounds and cheap: of 100,000 names, few are compared in full
        if matcher.real_quick_ratio() <= best_ratio or matcher.quick_ratio() <= best_ratio:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio:
            best, best_ratio = candidate, ratio
    return best
