"""What a model said, to sentences that each cite a passage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from rag.answering.answer import Sentence
from rag.answering.links import urls_in, without_links
from rag.answering.sentences import sentences
from rag.answering.untrusted import NO_ANSWER
from rag.parsing.cleaning import clean_text
from rag.retrieval.hit import Hit

MOST_CHARACTERS = 20_000
"""Of a model's answer; what comes after is not read."""

_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_MARK = re.compile(r"[\[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】]")
_MARKS = rf"(?:\s*{_MARK.pattern})+"
# "At least ten weeks. [1] Ask early. [1]": the mark belongs to the sentence before it.
_MARK_AFTER_END = re.compile(rf"([.!?…。！？][\"'”’»)]*)({_MARKS})")
_BEFORE_PUNCTUATION = re.compile(r"[ \t]+(?=[.,;:!?…])")
_LIST_SIGN = re.compile(r"^(?:[-*+•#>]+\s+)+")
_EMPHASIS = re.compile(r"\*\*|`")
_AROUND = " \t\n\"'`*_.[]()"


def cited_sentences(said: str, passages: Sequence[Hit]) -> tuple[Sentence, ...]:
    """The sentences of a model's answer that cite a passage there is; none where it said ``NO_ANSWER``.

    A number without a passage is taken out, and a sentence without any other number with it: what cannot be
    traced to a passage is not shown. Control characters, markup, pictures, and addresses that stand in no passage
    are taken out as well.
    """
    text = clean_text(_THOUGHT.sub("", said[:MOST_CHARACTERS]))
    if text.lstrip().split("\n", 1)[0].strip(_AROUND).upper() == NO_ANSWER:
        return ()
    known = {url for hit in passages for url in (*urls_in(hit.text), hit.uri or "") if url}
    text = _MARK_AFTER_END.sub(_moved, without_links(text, known))
    found = []
    for start, end in sentences(text):
        sentence = _sentence(text[start:end], len(passages), known)
        if sentence is not None:
            found.append(sentence)
    return tuple(found)


def _moved(found: re.Match[str]) -> str:
    return f"{found[2]}{found[1]}"


def _sentence(text: str, passages: int, known: AbstractSet[str]) -> Sentence | None:
    numbers = (int(number) for mark in _MARK.findall(text) for number in re.findall(r"\d+", mark))
    citations = tuple(dict.fromkeys(number for number in numbers if 1 <= number <= passages))
    bare = _LIST_SIGN.sub("", _EMPHASIS.sub("", _MARK.sub("", text)))
    bare = " ".join(without_links(bare, known).split())  # once more: marks may have stood within an address
    bare = _BEFORE_PUNCTUATION.sub("", bare)
    if not citations or NO_ANSWER in bare.upper() or not any(letter.isalnum() for letter in bare):
        return None
    return Sentence(bare, citations)
