"""Sentences as the support judge sees them: their words, numbers and names. Written for English."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from rag.answering.sentences import sentences

# Function words, and the words with which an answer speaks of itself and its sources ("Based on the passages").
_ENGLISH = """
a about above after again all also although am an and any are as at be because been before being below between
both but by can cannot could did do does doing down during each either etc few for from further had has have
having he her here hers him his how however i if in into is it its itself just let like may me might more most
much must my no nor not now of off on once only or other our out over own per please same shall she should so
some such than that the their theirs them then there therefore these they this those through thus to too under
until up upon us very was we were what when where whether which while who whom whose why will with within
without would yes yet you your i'm it's that's there's
according answer answers based context following given information mention mentioned mentions passage passages
provide provided provides question sorry sure text unable
"""
_STOP_WORDS = frozenset(_ENGLISH.split())
_NEGATIONS = frozenset({"cannot", "neither", "never", "no", "none", "nor", "not", "without"})
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBER_OF_WORD = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())}
_NOT_ALWAYS_A_NUMBER = frozenset({"zero", "one"})

# Possessive quantifiers: a number that a letter follows ("19th", "4x4") is one word, and no input takes long.
_TOKEN = re.compile(r"\d++(?:[.,]\d++)*+(?![^\W\d_])|[^\W_]++(?:['’][^\W_]++)*+")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|s)")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_CITATION = re.compile(r"\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]")
_WRAPPED = re.compile(r"(?<=[^\s.!?:;])[ \t\r]*+\n[ \t]*+(?=[a-z])")
_LIST_SIGN = re.compile(r"(?:\d{1,3}[.)]|[-*+•–])(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: ``text`` without citation marks and list sign, and what is in it, in forms that compare.

    ``keys`` holds its stemmed content words and its numbers, or all words if it has none of those. ``pairs`` are
    neighbours among them; ``sequence`` is every word in order, between single blanks.
    """

    text: str
    sequence: str
    keys: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    numbers: frozenset[str]
    names: frozenset[str]
    negated: bool
    claims: bool


def read(text: str) -> tuple[Sentence, ...]:
    """The sentences of ``text`` that hold a word or a number, in order."""
    plain = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode())
    plain = _WRAPPED.sub(" ", _CITATION.sub(" ", plain))
    found = (_sentence(plain[start:end]) for start, end in sentences(plain))
    return tuple(one for one in found if one.keys)


def number(written: str) -> str:
    """One form for each number: no separators of thousands, no zeros that say nothing.

    >>> [number(one) for one in ("1,000", "007", "2.50", "3.0", "0.5", "0")]
    ['1000', '7', '2.5', '3', '0.5', '0']
    """
    plain = _THOUSANDS.sub("", written)
    if plain.count(".") == 1 and "," not in plain:
        plain = plain.rstrip("0").rstrip(".")
    plain = plain.lstrip("0")
    return plain if plain[:1].isdecimal() else f"0{plain}"


def stem(word: str) -> str:
    """A lower-case word without its commonest English endings; lighter than Porter's.

    The plural after Harman, How effective is suffixing?, JASIS 42, 1991.

    >>> [stem(word) for word in ("policies", "uses", "using", "stopped", "weekly", "bus", "teams'")]
    ['polici', 'us', 'us', 'stop', 'week', 'bus', 'team']
    """
    word = word.removesuffix("'").removesuffix("'s")
    if len(word) <= 3:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            word = word.removesuffix(ending)
            if word[-1] == word[-2] and word[-1] not in "aeiouls":
                word = word[:-1]
            break
    if len(word) > 2:
        word = word.removesuffix("e")
    return word[:-1] + "i" if word.endswith("y") else word


def _sentence(text: str) -> Sentence:
    text = text[found.end() :] if (found := _LIST_SIGN.match(text)) else text
    every: list[str] = []
    content: list[str] = []
    numbers: set[str] = set()
    names: set[str] = set()
    negated = False
    for match in _TOKEN.finditer(text):
        raw = match.group()
        low = raw.lower().replace("’", "'")
        every.append(low)
        negated |= low in _NEGATIONS or low.endswith("n't")
        if value := _value(low):
            content.append(value)
            every[-1] = value
            if low not in _NOT_ALWAYS_A_NUMBER:
                numbers.add(value)
        elif low not in _STOP_WORDS and not low.endswith("n't"):
            content.append(stem(low))
            if raw[0].isupper() and (len(every) > 1 or (len(raw) > 1 and raw.isupper())):
                names.add(content[-1])
    return Sentence(
        text=text,
        sequence=f" {' '.join(every)} ",
        keys=frozenset(content or every),
        pairs=frozenset(pairwise(content)),
        numbers=frozenset(numbers),
        names=frozenset(names),
        negated=negated,
        claims=bool(content),
    )


def _value(low: str) -> str:
    """The number that a word is, in one form; empty if it is none."""
    if low in _NUMBER_OF_WORD:
        return _NUMBER_OF_WORD[low]
    if low[0].isdecimal() and not any(character.isalpha() for character in low):
        return number(low)
    found = _ORDINAL.fullmatch(low)
    return number(found[1]) if found else ""
