"""Documents to chunks that fit the embedder's window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from rag.chunking.chunk import Chunk
from rag.chunking.context import Contexts
from rag.chunking.packing import Packer, Unit
from rag.chunking.splitting import sentence_starts, split
from rag.chunking.tokens import Tokenizer, TokenMap
from rag.errors import ConfigurationError
from rag.parsing.elements import ParsedDocument

CHUNKER_VERSION = 1  # raise it whenever the same document may give other chunks

_CONTEXT_SHARE = 4
_LEAST_TOKENS = 32


class Chunker:
    """Cuts documents into passages, by their structure, counted with the embedder's own tokenizer.

    ``max_tokens`` is the embedder's window, ``special_tokens`` (2 for BERT) and the context included: no
    chunk's ``embedded_text`` is ever longer, and no text is left out. ``overlap_tokens`` is how much of a
    long paragraph's part is repeated at the beginning of the next. Raises ConfigurationError for numbers
    that leave no room.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, max_tokens: int, overlap_tokens: int, special_tokens: int = 2
    ) -> None:
        if max_tokens - special_tokens < _LEAST_TOKENS:
            raise ConfigurationError(
                f"max_tokens is {max_tokens}; at least {_LEAST_TOKENS + special_tokens} are needed",
                where="chunking.max_tokens",
            )
        if not 0 <= overlap_tokens <= max_tokens // 4:
            raise ConfigurationError(
                f"overlap_tokens is {overlap_tokens}; from 0 to a quarter of max_tokens "
                f"({max_tokens // 4}) is possible",
                where="chunking.overlap_tokens",
            )
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._overlap_tokens = overlap_tokens
        self._special_tokens = special_tokens

    @property
    def fingerprint(self) -> str:
        """Changes whenever the chunks of a document may, the tokenizer apart, which is the embedder's."""
        return (
            f"chunker-{CHUNKER_VERSION} max_tokens-{self._max_tokens} "
            f"overlap_tokens-{self._overlap_tokens} special_tokens-{self._special_tokens}"
        )

    def chunk(self, document: ParsedDocument, *, title: str) -> list[Chunk]:
        """The chunks of ``document`` in order; [] for an empty one. ``title`` may be empty."""
        room = self._max_tokens - self._special_tokens
        tokens = TokenMap(self._tokenizer, document)
        contexts = Contexts(self._tokenizer, title, self._max_tokens // _CONTEXT_SHARE)
        packer = Packer(document, tokens, contexts, room_tokens=room, overlap_tokens=self._overlap_tokens)
        spans = []
        for unit in packer.units():
            context, _ = contexts.of(unit.path, unit.header)
            for start, end in self._fitting(document.text, tokens, unit, context, room):
                spans.append((start, -end, unit.path, context))
        # Overlapping parts that had to be cut further come out of order, or one within another.
        spans.sort(key=lambda span: span[:2])
        starts = [element.start for element in document.elements]
        chunks: list[Chunk] = []
        covered = -1
        for start, negative_end, path, context in spans:
            end = -negative_end
            if end > covered:
                covered = end
                page = document.elements[max(0, bisect_right(starts, start) - 1)].page
                text = document.text[start:end]
                chunks.append(Chunk(len(chunks), text, start, end, path, page, context))
        return chunks

    def _fitting(
        self, text: str, tokens: TokenMap, unit: Unit, context: str, room: int
    ) -> Iterator[tuple[int, int]]:
        """The span of ``unit`` without blank edges; cut further where it is too long after all.

        Tokens do not always add up: half a word, or a text behind a context, may count more than it did
        within its element. So every chunk is counted once more as it will be embedded.
        """
        start, end = _stripped(text, unit.start, unit.end)
        if start == end:
            return
        prefix = f"{context}\n" if context else ""
        count = len(self._tokenizer.offsets(prefix + text[start:end]))
        if count <= room or end - start == 1:
            yield start, end
            return
        for left, right in _smaller(text, tokens, start, end, count - room):
            part = Unit(left, right, 0, unit.path, unit.header)
            yield from self._fitting(text, tokens, part, context, room)


def _smaller(text: str, tokens: TokenMap, start: int, end: int, excess: int) -> list[tuple[int, int]]:
    """At least two spans that cover ``start`` to ``end``."""
    budget = max(1, tokens.count(start, end) - excess)
    spans = split(
        text,
        tokens,
        start,
        end,
        budget=budget,
        first_budget=budget,
        breaks=sentence_starts(text, start, end),
        fill=0.5,
        overlap=0,
    )
    if len(spans) > 1:
        return spans
    middle = (start + end) // 2
    return [(start, middle), (middle, end)]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
