"""One harmless edit: a word of one document gives way to a synonym, where no question or answer speaks of it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlmodel import col

from evals.golden import GoldenSet
from evals.golden.words import words
from rag.answering.sentences import sentences
from rag.catalog import Catalog
from rag.catalog.revisions import alive_at
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision
from rag.parsing import Element, ParsedDocument, Parser

MARK = b"\0one word is edited\0"
"""At the end of a content: the document that the edit is of, whatever its format."""
_MOST_DOCUMENTS = 50
_SHORTEST_WORD = 4
_PAIRS = (
    ("also", "too"),
    ("almost", "nearly"),
    ("begins", "starts"),
    ("big", "large"),
    ("buys", "purchases"),
    ("chooses", "selects"),
    ("each", "every"),
    ("entire", "whole"),
    ("finished", "completed"),
    ("helps", "assists"),
    ("keeps", "holds"),
    ("many", "numerous"),
    ("must", "shall"),
    ("needs", "requires"),
    ("often", "frequently"),
    ("perhaps", "maybe"),
    ("rarely", "seldom"),
    ("shows", "displays"),
    ("usually", "normally"),
    ("within", "inside"),
)
_SYNONYMS = {word: other for one, two in _PAIRS for word, other in ((one, two), (two, one))}
_SYNONYM = re.compile(rf"\b({'|'.join(_SYNONYMS)})\b")
_GAP = re.compile(r"(?<=[^\W\d_]{3}) (?=[^\W\d_]{3})")


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters ``start`` to ``end`` of the parsed text of ``document`` become ``replacement``."""

    document: str
    start: int
    end: int
    replacement: str

    def applied(self, document: ParsedDocument) -> ParsedDocument:
        """The document with that done; what follows moves by the difference."""
        return ParsedDocument(
            document.text[: self.start] + self.replacement + document.text[self.end :],
            tuple(self._element(each) for each in document.elements),
            document.title,
        )

    def _element(self, element: Element) -> Element:
        longer = len(self.replacement) - (self.end - self.start)
        if element.end <= self.start:
            return element
        if element.start >= self.end:
            return replace(element, start=element.start + longer, end=element.end + longer)
        at = self.start - element.start
        text = element.text[:at] + self.replacement + element.text[self.end - element.start :]
        return replace(element, text=text, end=element.end + longer)


class EditingParser(Parser):
    """``parser``, which applies ``edit`` to content that ends in ``MARK``."""

    def __init__(self, parser: Parser, edit: Edit) -> None:
        super().__init__()  # its own process is never started
        self._parser = parser
        self._edit = edit

    def parse(self, name: str, data: bytes) -> ParsedDocument:
        if not data.endswith(MARK):
            return self._parser.parse(name, data)
        return self._edit.applied(self._parser.parse(name, data.removesuffix(MARK)))


def harmless_edit(catalog: Catalog, version: int, golden: GoldenSet, *, seed: int) -> Edit | None:
    """The edit of ``version`` that the questions have least to do with, of documents drawn by ``seed``.

    A document that no question names goes before one that some does, a synonym before a comma, which is what is
    left for languages whose synonyms are not known. None where there is no place for either.
    """
    named = {document for question in golden.questions for document in question.expected}
    asked = [_long_words(f"{one.question} {one.answer or ''}") for one in golden.questions]
    found = [
        (
            edit.document in named,
            edit.replacement == ",",
            _shared(sentence, asked),
            edit.document,
            edit.start,
            edit,
        )
        for document, start, text in _passages(catalog, version, named, seed)
        for sentence, edit in _edits(document, start, text)
    ]
    return min(found, key=lambda one: one[:5])[-1] if found else None


def _passages(catalog: Catalog, version: int, named: set[str], seed: int) -> Iterator[tuple[str, int, str]]:
    """Document, place in its text, and text of each passage."""
    with catalog.connect() as connection:
        revisions = connection.execute(
            select(col(Revision.id), col(Document.key))
            .join(Document, col(Revision.document_id) == col(Document.id))
            .where(alive_at(version), col(Document.state) == DocumentState.ACTIVE)
            .order_by(col(Document.key))
        ).all()
        drawn = random.Random(seed).sample(revisions, len(revisions))
        drawn.sort(key=lambda row: row.key in named)
        for id, key in drawn[:_MOST_DOCUMENTS]:
            passages = select(col(ChunkRow.start), col(ChunkRow.text)).where(col(ChunkRow.revision_id) == id)
            for start, text in connection.execute(passages):
                yield key, start, text


def _edits(document: str, place: int, text: str) -> Iterator[tuple[str, Edit]]:
    """The sentence, and an edit in it."""
    for start, end in sentences(text):
        sentence = text[start:end]
        first = place + start
        for word in _SYNONYM.finditer(sentence):
            yield sentence, Edit(document, first + word.start(), first + word.end(), _SYNONYMS[word[0]])
        if gap := _GAP.search(sentence):
            yield sentence, Edit(document, first + gap.start(), first + gap.start(), ",")


def _shared(sentence: str, asked: Sequence[frozenset[str]]) -> int:
    """The most words that a question and its answer have in common with the sentence."""
    said = _long_words(sentence)
    return max((len(said & one) for one in asked), default=0)


def _long_words(text: str) -> frozenset[str]:
    return frozenset(_long(words(text)))


def _long(found: Iterable[str]) -> Iterator[str]:
    return (word for word in found if len(word) >= _SHORTEST_WORD)
