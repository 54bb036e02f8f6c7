"""What a search must give, worked out the long way: it shares no line with what it judges.

Words are what blanks part; the vocabulary of the tests holds no stop word and no two words of one stem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, log

K1, B, USUAL_WORDS = 1.2, 0.75, 20
NEAR = 1e-5
"""Scores that are no further apart than this count as equal: an engine calculates in 32 bits."""


@dataclass(frozen=True)
class Rule:
    """Who is let in, who is kept out, and the only tenant that may read, if any."""

    allow: frozenset[str]
    deny: frozenset[str] = frozenset()
    tenant: str | None = None


@dataclass(frozen=True)
class Directory:
    """``{group: its direct members}``, and whether nobody has heard of it for too long."""

    members_of: Mapping[str, frozenset[str]]
    silent: bool = False


@dataclass(frozen=True)
class Passage:
    """A paragraph of a document that begins at ``start``."""

    document: str
    start: int
    text: str
    vector: tuple[float, ...]
    keys: Mapping[str, str]

    @property
    def place(self) -> tuple[str, int]:
        return self.document, self.start


@dataclass(frozen=True)
class Question:
    text: str
    vector: tuple[float, ...]
    mode: str
    limit: int
    match: Mapping[str, str]
    candidates: int
    rrf_k: int


@dataclass(frozen=True)
class Found:
    """A hit, as far as it is judged."""

    place: tuple[str, int]
    score: float


class People:
    """Who is who, by what all directories say together."""

    def __init__(self, directories: Iterable[Directory]) -> None:
        self._links = [
            (group, member)
            for directory in directories
            if not directory.silent
            for group, members in directory.members_of.items()
            for member in members
        ]
        unheard = {group for each in directories if each.silent for group in each.members_of}
        self._perhaps = {name for name in self._upwards(unheard) if not name.startswith("tenant:")}

    def may_read(self, who: str, rule: Rule | None) -> bool:
        if rule is None:
            return False
        am = self._upwards({who, "public"})
        if rule.tenant is not None and [x for x in am if x.startswith("tenant:")] != [
            f"tenant:{rule.tenant}"
        ]:
            return False
        if any(one in am or one in self._perhaps for one in rule.deny):
            return False
        return any(one in am for one in rule.allow)

    def _upwards(self, start: set[str]) -> set[str]:
        """``start`` and whatever holds one of these, until nothing is added any more."""
        found = set(start)
        while True:
            more = {group for group, member in self._links if member in found} - found
            if not more:
                return found
            found |= more


def dense_scores(passages: Sequence[Passage], vector: Sequence[float]) -> dict[tuple[str, int], float]:
    return {each.place: fsum(a * b for a, b in zip(each.vector, vector, strict=True)) for each in passages}


def lexical_scores(
    passages: Sequence[Passage], seen: Sequence[Passage], text: str
) -> dict[tuple[str, int], float]:
    """BM25 of those ``passages`` that share a word with ``text``, with frequencies over ``seen``."""
    having = {word: sum(word in each.text.split() for each in seen) for word in set(text.split())}
    scores = {}
    for each in passages:
        words = each.text.split()
        longer = 1 - B + B * len(words) / USUAL_WORDS
        parts = [
            words.count(word)
            * (K1 + 1)
            / (words.count(word) + K1 * longer)
            * log(1 + (len(seen) - n + 0.5) / (n + 0.5))
            for word, n in having.items()
            if word in words
        ]
        if parts:
            scores[each.place] = fsum(parts)
    return scores


@dataclass(frozen=True)
class Verdict:
    """What is wrong with an answer; nothing, if all of it is empty."""

    forbidden: tuple[tuple[str, int], ...] = ()
    hidden: tuple[tuple[str, int], ...] = ()
    """Passages that belong into the answer and are not in it."""
    wrong: str = ""
    """Anything else: a score, an order, a number of hits."""

    @property
    def fine(self) -> bool:
        return not (self.forbidden or self.hidden or self.wrong)


def judge(question: Question, seen: Sequence[Passage], found: Sequence[Found]) -> Verdict:
    """Whether ``found`` is the top of the ranking of what the reader may see, ``seen``, narrowed by ``match``.

    Where scores of a leg are near each other their order is open, so each passage has a highest and a lowest score.
    """
    narrowed = [p for p in seen if all(p.keys[key] == value for key, value in question.match.items())]
    highest, lowest = _bounds(question, narrowed, seen)
    forbidden = tuple(hit.place for hit in found if hit.place not in {p.place for p in seen})
    if forbidden:
        return Verdict(forbidden=forbidden)
    strange = [hit.place for hit in found if hit.place not in highest]
    if strange:
        return Verdict(wrong=f"{strange} does not match")
    got = {hit.place for hit in found}
    if len(got) != len(found):
        return Verdict(wrong="a passage comes twice")
    for hit in found:
        if not lowest[hit.place] - NEAR <= hit.score <= highest[hit.place] + NEAR:
            return Verdict(wrong=f"{hit} should be {lowest[hit.place]} to {highest[hit.place]}")
    if any(after.score > before.score for before, after in pairwise(found)):
        return Verdict(wrong="the best does not come first")
    certain = sum(score > 0 or question.mode == "dense" for score in lowest.values())
    left_out = lowest.keys() - got
    if len(found) == question.limit:
        worst = found[-1].score
        return Verdict(hidden=tuple(place for place in left_out if lowest[place] > worst + NEAR))
    if len(found) > question.limit or len(found) < min(certain, question.limit):
        return Verdict(
            hidden=tuple(sorted(left_out)),
            wrong=f"{len(found)} hits of {question.limit}, {certain} are there",
        )
    return Verdict()


def _bounds(
    question: Question, narrowed: Sequence[Passage], seen: Sequence[Passage]
) -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float]]:
    """The highest and the lowest score that each passage of the ranking can have."""
    dense = dense_scores(narrowed, question.vector)
    lexical = lexical_scores(narrowed, seen, question.text)
    if question.mode != "fused":
        leg = dense if question.mode == "dense" else lexical
        return leg, leg
    highest: dict[tuple[str, int], float] = {}
    lowest: dict[tuple[str, int], float] = {}
    length = max(question.candidates, question.limit)
    for leg in (dense, lexical):
        scores = sorted(leg.values())
        for place, score in leg.items():
            best = sum(other > score + NEAR for other in scores)
            worst = sum(other >= score - NEAR for other in scores) - 1
            for bound, rank in ((highest, best), (lowest, worst)):
                bound[place] = bound.get(place, 0.0) + (1 / (question.rrf_k + rank) if rank < length else 0.0)
    reachable = {place for place, score in highest.items() if score > 0}
    return {place: highest[place] for place in reachable}, {place: lowest[place] for place in reachable}
