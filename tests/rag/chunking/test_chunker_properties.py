"""What must hold for every document, tried with the embedder's own tokenizer."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chunking import Chunker
from rag.parsing.builder import DocumentBuilder
from rag.parsing.elements import ElementKind, ParsedDocument
from rag.parsing.plain import parse_plain
from tests.rag.chunking.documents import check
from tests.rag.chunking.tokenizers_for_tests import Pairs, minilm

DATA = Path(__file__).parents[4] / "shared" / "data"

WORDS = st.sampled_from(
    [
        "door",
        "opens",
        "unbelievably",
        "e.g.",
        "Dr.",
        "9.5",
        "naïve",
        "門",
        "は。",
        "\u0301",
        "🙂",
        "a|b",
        "(x)",
        "x" * 130,
    ]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=120).map(lambda words: " ".join(words) + ".")
TEXTS = st.one_of(SENTENCES, st.text(max_size=300), st.lists(SENTENCES, max_size=3).map(" ".join))
TABLES = st.lists(st.lists(WORDS, min_size=1, max_size=8), min_size=1, max_size=40).map(
    lambda rows: "\n".join(" | ".join(row) for row in rows)
)
HEADINGS: tuple[ElementKind, ...] = ("heading",)
PROSE: tuple[ElementKind, ...] = ("paragraph", "list_item", "code")
GRIDS: tuple[ElementKind, ...] = ("table",)
BLOCKS: st.SearchStrategy[tuple[ElementKind, str, int | None]] = st.one_of(
    st.tuples(st.sampled_from(HEADINGS), SENTENCES, st.integers(1, 6)),
    st.tuples(st.sampled_from(PROSE), TEXTS, st.none()),
    st.tuples(st.sampled_from(GRIDS), TABLES, st.none()),
)


@st.composite
def documents(draw: st.DrawFn) -> ParsedDocument:
    builder = DocumentBuilder()
    for kind, text, level in draw(st.lists(BLOCKS, max_size=14)):
        builder.add(kind, text, level=level)
    return builder.build()


@settings(max_examples=150, deadline=None)
@given(
    documents(), st.one_of(st.text(max_size=20), SENTENCES), st.sampled_from([(40, 0), (40, 10), (256, 32)])
)
def test_nothing_is_lost_and_no_chunk_is_too_long(
    parsed: ParsedDocument, title: str, limits: tuple[int, int]
) -> None:
    max_tokens, overlap = limits
    chunker = Chunker(minilm(), max_tokens=max_tokens, overlap_tokens=overlap)
    chunks = chunker.chunk(parsed, title=title)
    check(parsed, chunks, minilm(), max_tokens=max_tokens)
    assert chunks == chunker.chunk(parsed, title=title)


@settings(max_examples=60, deadline=None)
@given(documents(), st.text(max_size=20))
def test_a_tokenizer_whose_tokens_do_not_add_up_is_kept_within_its_window_too(
    parsed: ParsedDocument, title: str
) -> None:
    chunks = Chunker(Pairs(), max_tokens=50, overlap_tokens=8, special_tokens=1).chunk(parsed, title=title)
    check(parsed, chunks, Pairs(), max_tokens=50, special=1)


def test_real_abstracts_fill_their_windows_and_take_a_few_milliseconds() -> None:
    path = DATA / "scifact" / "corpus.jsonl"
    if not path.is_file():
        pytest.skip(f"the shared data are not here: {path}")
    with path.open() as lines:
        abstracts = [json.loads(line) for _, line in zip(range(400), lines, strict=False)]
    chunker = Chunker(minilm(), max_tokens=256, overlap_tokens=32)
    parsed = [(parse_plain(abstract["text"].encode()), abstract["title"]) for abstract in abstracts]
    started = time.process_time()
    chunked = [chunker.chunk(document, title=title) for document, title in parsed]
    seconds = time.process_time() - started
    assert seconds / len(parsed) < 0.010
    for (document, _), chunks in zip(parsed, chunked, strict=True):
        check(document, chunks, minilm(), max_tokens=256)
        # All but the last are at least half full, so there are few.
        assert all(len(minilm().offsets(chunk.text)) > 90 for chunk in chunks[:-1])


def test_a_table_of_two_megabytes_is_chunked_in_seconds() -> None:
    rows = ["number | name | place", *[f"{n} | somebody {n} | somewhere" for n in range(60_000)]]
    builder = DocumentBuilder()
    builder.add("table", "\n".join(rows))
    parsed = builder.build()
    started = time.process_time()
    chunks = Chunker(minilm(), max_tokens=256, overlap_tokens=32).chunk(parsed, title="Register")
    assert time.process_time() - started < 20
    assert {chunk.context for chunk in chunks[1:]} == {"Register\nnumber | name | place"}
    assert chunks[-1].text.endswith("59999 | somebody 59999 | somewhere")
