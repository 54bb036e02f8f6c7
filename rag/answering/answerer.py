"""Asking: passages that the reader may see, and an answer that stands on them, or a refusal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from rag.answering.answer import MODEL_REFUSED, Answer, refusal
from rag.answering.citations import cited_sentences
from rag.answering.extractive import MIN_SUPPORT, extract_all
from rag.answering.port import Model, Usage
from rag.answering.prompts import Prompt
from rag.answering.support import Case, supports
from rag.embedding import Embedder
from rag.errors import ModelError, ModelRefusedError
from rag.retrieval import Hit, SearchResult

ANSWERING_VERSION = 1
"""Raised by hand whenever a change to this package changes an answer that it gives."""
MIN_SUPPORT_BEFORE_MODEL = 0.31
"""A model can still say that passages do not answer: it is asked with the support that 99 of 100 questions have
whose passages do, where ``MIN_SUPPORT`` was found."""


class Search(Protocol):
    """``Retriever.search_version``, or what fulfils the same."""

    def __call__(
        self, query: str, /, *, principal: str | None, token: str | None, limit: int, version: int | None
    ) -> SearchResult: ...


class Answerer:
    """Answers questions from what who asks may read. As safe to share between threads as its parts are.

    Without a ``model`` an answer quotes its passages. ``passages`` is how many are looked for, from 1;
    ``min_support``, from 0 to 1, is what the best of them must give, else nothing is answered: ``MIN_SUPPORT`` or
    ``MIN_SUPPORT_BEFORE_MODEL`` if left out.
    """

    def __init__(
        self,
        search: Search,
        model: Model | None,
        prompt: Prompt,
        embedder: Embedder,
        *,
        passages: int = 5,
        min_support: float | None = None,
    ) -> None:
        self._search = search
        self._model = model
        self._prompt = prompt
        self._embedder = embedder
        self._passages = passages
        self._min_support = usual_support(model) if min_support is None else min_support

    @property
    def min_support(self) -> float:
        """What the best passage must give, from 0 to 1."""
        return self._min_support

    @property
    def fingerprint(self) -> str:
        """See ``answering_fingerprint``."""
        return answering_fingerprint(
            self._prompt, self._model, self._passages, self._min_support, self._embedder
        )

    def ask(
        self,
        question: str,
        *,
        principal: str | None = None,
        token: str | None = None,
        limit: int | None = None,
        version: int | None = None,
    ) -> Answer:
        """What the passages that ``principal``, or whom ``token`` proves, may read say to the question.

        ``limit`` looks for another number of passages, and ``version`` in another version than the promoted one.
        Raises what ``Retriever.search`` raises, and ``ModelError`` where the model gave nothing usable; a model
        that would not answer makes a refusal.
        """
        found = self._search(
            question, principal=principal, token=token, limit=limit or self._passages, version=version
        )
        return self.answer(question, found.hits, found.version)

    def answer(self, question: str, passages: Sequence[Hit], version: int | None = None) -> Answer:
        """``ask`` for passages that were found already; nobody checks here who may read them.

        The model is not asked where there is no passage, or none with enough support.
        """
        answer = self.answer_all([(question, passages)], version)[0]
        if isinstance(answer, ModelError):
            raise answer
        return answer

    def answer_all(
        self, cases: Sequence[Case], version: int | None = None, *, at_once: int = 4
    ) -> list[Answer | ModelError]:
        """``answer`` for many questions, in their order: what they have in common is embedded once, and the model
        is asked ``at_once`` of them at a time. Where it gave nothing usable, its error stands for the answer."""
        if self._model is None:
            return list(extract_all(cases, self._embedder, version=version, min_support=self._min_support))
        scores = supports(cases, self._embedder)
        ask = partial(self._ask_model, self._model, version)
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            return list(pool.map(ask, cases, scores))

    def _ask_model(
        self, model: Model, version: int | None, case: Case, support: float
    ) -> Answer | ModelError:
        question, passages = case
        if not passages or support < self._min_support:
            return refusal(passages, version=version)
        try:
            said = model.complete(self._prompt.render(question, passages))
        except ModelRefusedError as error:
            return refusal(passages, version=version, reason=MODEL_REFUSED, usage=error.usage or Usage())
        except ModelError as error:
            return error
        sentences = cited_sentences(said.text, passages)
        if not sentences:
            return refusal(passages, version=version, usage=said.usage)
        return Answer(sentences, tuple(passages), version, usage=said.usage)


def usual_support(model: Model | None) -> float:
    """The least support with this model, or without one."""
    return MIN_SUPPORT if model is None else MIN_SUPPORT_BEFORE_MODEL


def answering_fingerprint(
    prompt: Prompt, model: Model | None, passages: int, min_support: float, embedder: Embedder
) -> str:
    """SHA-256, in hex, of what makes an answer from what is found. Without a model no prompt is part of that."""
    parts = {
        "version": ANSWERING_VERSION,
        "prompt": prompt.fingerprint if model is not None else None,
        "model": model.fingerprint if model is not None else None,
        "passages": passages,
        "min_support": min_support,
        "embedder": embedder.fingerprint,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
