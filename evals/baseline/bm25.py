"""Plain BM25 over what one reader may see: the baseline that an index has to hold against."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evals.baseline.okapi import Integers, Okapi, learn
from evals.baseline.words import words

MODELS_KEPT = 16  # one of 10,000 passages takes some 20 MB, and about a second to make


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of ``document`` (``<source>/<id>``) that readers of access rule number ``rule`` may see."""

    document: str
    text: str
    rule: int


class Bm25Baseline:
    """BM25 (``rank_bm25.BM25Okapi``) whose statistics are taken over the reader's own passages alone.

    A passage without a word (see ``evals.baseline.words``) is left out: it can never match. Not for use by
    several threads at once.
    """

    def __init__(self, passages: Iterable[Passage]) -> None:
        shared: dict[str, str] = {}  # one string a word, not one an occurrence
        self._words: list[list[str]] = []
        documents: list[str] = []
        rules: list[int] = []
        for passage in passages:
            found = [shared.setdefault(word, word) for word in words(passage.text)]
            if found:
                self._words.append(found)
                documents.append(passage.document)
                rules.append(passage.rule)
        self._documents = sorted(set(documents))
        numbers = {document: number for number, document in enumerate(self._documents)}
        self._document_of: Integers = np.array([numbers[document] for document in documents], dtype=np.int64)
        self._rule_of: Integers = np.array(rules, dtype=np.int64)
        self._rules = frozenset(rules)
        self._models: OrderedDict[frozenset[int], tuple[Integers, Okapi]] = OrderedDict()

    def rank(self, question: str, visible_rules: frozenset[int], limit: int = 10) -> list[str]:
        """At most ``limit`` documents that share a word with ``question``, best first, each by its best
        passage.

        Only passages of ``visible_rules`` are looked at, and nothing else weighs in a score; none visible,
        none ranked. Equal scores are ordered by document.
        """
        visible, model = self._model(visible_rules & self._rules)
        touched, scores = model.scores(words(question))
        documents = self._document_of[visible[touched]]
        best = np.full(len(self._documents), -np.inf)
        np.maximum.at(best, documents, scores)
        found = np.unique(documents)
        order = np.lexsort((found, -best[found]))[: max(limit, 0)]
        return [self._documents[number] for number in found[order]]

    def _model(self, rules: frozenset[int]) -> tuple[Integers, Okapi]:
        """The visible passages' numbers and the model over them; the one unused for longest is dropped."""
        if rules not in self._models:
            visible = np.flatnonzero(np.isin(self._rule_of, sorted(rules)))
            self._models[rules] = visible, learn([self._words[number] for number in visible])
            if len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(rules)
        return self._models[rules]
