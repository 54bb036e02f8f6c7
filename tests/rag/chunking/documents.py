"""Documents and checks for the tests of the chunker."""

from __future__ import annotations

from collections.abc import Sequence

from rag.chunking import Chunk, Tokenizer
from rag.parsing import ElementKind, ParsedDocument
from rag.parsing.builder import DocumentBuilder

Block = tuple[ElementKind, str] | tuple[ElementKind, str, int]


def document(*blocks: Block) -> ParsedDocument:
    """A document of (kind, text) or (kind, text, heading level)."""
    builder = DocumentBuilder()
    for number, block in enumerate(blocks, start=1):
        builder.add(block[0], block[1], level=block[2] if len(block) == 3 else None, page=number)
    return builder.build()


def words(count: int, first: int = 0) -> str:
    """That many different words, such as "w0 w1"."""
    return " ".join(f"w{number}" for number in range(first, first + count))


def check(
    parsed: ParsedDocument,
    chunks: Sequence[Chunk],
    tokenizer: Tokenizer,
    *,
    max_tokens: int,
    special: int = 2,
) -> None:
    """What holds for every chunking: spans true, in order, within the window, nothing left out."""
    covered = bytearray(len(parsed.text))
    for number, chunk in enumerate(chunks):
        assert chunk.ordinal == number
        assert chunk.text == parsed.text[chunk.start : chunk.end]
        assert chunk.text.strip() == chunk.text
        assert chunk.text
        assert len(tokenizer.offsets(chunk.embedded_text)) + special <= max_tokens
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))
    missed = [
        place for place, letter in enumerate(parsed.text) if not letter.isspace() and not covered[place]
    ]
    assert not missed
