"""Answers that are not asked for twice, and answers that invent numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from evals.answers import AnswerAll
from rag.answering.answer import Answer, Sentence
from rag.answering.port import Usage
from rag.errors import LockgateError
from rag.retrieval import Hit

Known = dict[tuple[str, tuple[Hit, ...]], Answer]
"""Answers by question and passages, these without their scores."""
_ELSEWHERE = 7
_CLAUSE = ", which 4,713 people confirmed in 1893"


def remembering(ask: AnswerAll, known: Known) -> AnswerAll:
    """``ask``, but for what is ``known``: candidates find much the same, and a model's answers cost.

    It also keeps out what has nothing to do with a candidate, that a model may answer otherwise the second time.
    Failures are not kept.
    """

    def answer_all(asked: Sequence[tuple[str, Sequence[Hit]]]) -> list[Answer | LockgateError]:
        keys = [(question, tuple(replace(hit, score=0.0) for hit in found)) for question, found in asked]
        new = {key: one for key, one in zip(keys, asked, strict=True) if key not in known}
        given = dict(zip(new, ask(list(new.values())), strict=True))
        answers: list[Answer | LockgateError] = [
            given[key]
            if key in given
            else replace(known[key], passages=tuple(found), version=None, usage=Usage())
            for key, (_, found) in zip(keys, asked, strict=True)
        ]
        known.update((key, one) for key, one in given.items() if isinstance(one, Answer))
        return answers

    return answer_all


def inventing(answers: Sequence[Answer | LockgateError]) -> list[Answer | LockgateError]:
    """The answers with other numbers in every sentence, cited as before. Refusals and failures stay as they are."""
    return [_invented(one) if isinstance(one, Answer) and not one.refused else one for one in answers]


def _invented(answer: Answer) -> Answer:
    return replace(answer, sentences=tuple(_other_numbers(each) for each in answer.sentences))


def _other_numbers(sentence: Sentence) -> Sentence:
    """Every digit becomes another one; where there is none, a clause with numbers is added."""
    text = re.sub(r"\d", lambda digit: str((int(digit[0]) + _ELSEWHERE) % 10), sentence.text)
    if text == sentence.text:
        body = text.rstrip(".!?")
        text = f"{body}{_CLAUSE}{text[len(body) :] or '.'}"
    return replace(sentence, text=text, verbatim=False)
