"""Candidates for golden questions: of documents that nobody asks about, and of what readers asked.

They are for a person to go through. Each carries a key that golden files refuse, ``review``, so that none gets into
the set unseen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.golden.question import GoldenSet
from evals.golden.words import words

_EXCERPT = 500
_EXPECTED = 3
"""Of what a reader was given, so many documents are proposed as expected."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A draft of a golden question, and in ``review`` what a person needs to make one of it."""

    question: str
    principal: str
    expected: Mapping[str, int]
    review: Mapping[str, object]
    tags: tuple[str, ...] = field(default=())
    evidence: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The passage that it is drawn from, which a person narrows to what answers the question."""

    def line(self, id: str) -> dict[str, Any]:
        """As a line of a golden file, but for ``review``."""
        evidence = {document: [list(span)] for document, span in self.evidence.items()}
        return {
            "review": dict(self.review),
            "id": id,
            "question": self.question,
            "principal": self.principal,
            "kind": "answerable" if self.expected else "unanswerable",
            "expected": dict(self.expected),
            "tags": list(self.tags),
            **({"evidence": evidence} if evidence else {}),
        }


def from_corpus(
    golden: GoldenSet,
    principal: str,
    documents: Mapping[str, str],
    passages: Callable[[str], Sequence[tuple[str, Sequence[str], tuple[int, int]]]],
    *,
    most: int,
    seed: int = 0,
) -> list[Suggestion]:
    """Of ``documents``, ``{document: source}``, those that no question expects: from every source in turn, in an
    order that ``seed`` decides. ``passages`` gives the texts of a document with their headings and characters.

    The draft of the question is the heading of a passage, which a person has to put as somebody would ask.
    """
    expected = {document for question in golden.questions for document in question.expected}
    waiting: dict[str, list[str]] = {}
    for document in sorted(documents.keys() - expected, key=lambda one: _shuffled(one, seed)):
        waiting.setdefault(documents[document], []).append(document)
    found: list[Suggestion] = []
    for document in _in_turn([waiting[source] for source in sorted(waiting)]):
        if len(found) == most:
            break
        texts = passages(document)
        if not texts:
            continue
        text, headings, span = max(texts, key=lambda one: (bool(one[1]), len(one[0])))
        review = {"from": "corpus", "headings": list(headings), "passage": text[:_EXCERPT]}
        draft = headings[-1] if headings else text[:_EXCERPT].split("\n")[0]
        tag = f"source:{documents[document]}"
        found.append(Suggestion(draft, principal, {document: 1}, review, (tag,), {document: span}))
    return found


def from_log(golden: GoldenSet, entries: Iterable[Mapping[str, Any]], *, most: int) -> list[Suggestion]:
    """Of the access log's ``entries``, latest first: what was asked most often and is no golden question yet.

    What the reader was given last is proposed as what is expected; of nothing, that there is no answer. Entries
    without the text of the question say nothing.
    """
    known = {(question.principal, " ".join(words(question.question))) for question in golden.questions}
    times: dict[tuple[str, str], int] = {}
    latest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for entry in entries:
        text = entry["question"]
        if not isinstance(text, str) or _DIGEST.fullmatch(text):
            continue
        key = (entry["principal"], " ".join(words(text)))
        if key in known or not key[1]:
            continue
        times[key] = times.get(key, 0) + 1
        latest.setdefault(key, entry)
    found = []
    for key in sorted(times, key=lambda one: (-times[one], one))[:most]:
        entry = latest[key]
        given = dict.fromkeys(passage["document"] for passage in entry["returned"])
        review = {"from": "log", "asked": times[key], "last": entry["at"], "given": list(given)}
        expected = dict.fromkeys(list(given)[:_EXPECTED], 1)
        found.append(Suggestion(entry["question"], entry["principal"], expected, review))
    return found


def _shuffled(document: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {document}".encode()).hexdigest()


def _in_turn(lists: Sequence[Sequence[str]]) -> Iterator[str]:
    for place in range(max(map(len, lists), default=0)):
        yield from (each[place] for each in lists if place < len(each))
