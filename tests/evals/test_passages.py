"""The text of passages by their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, update
from sqlmodel import col

from evals.passages import PassageTexts
from rag.catalog.tables import ChunkRow
from rag.maintenance import purge
from tests.support.harness import Harness
from tests.support.source import MemorySource
from tests.support.world import OneParagraphChunker

FIRST = "The office opens at eight and closes at six, but for Fridays."
SECOND = "Dogs may come in, cats may not, and nobody has asked about birds."


@pytest.fixture
def source() -> MemorySource:
    source = MemorySource()
    source.put("office", f"{FIRST}\n\n{SECOND}", "public")
    return source


@pytest.fixture
def harness(tmp_path: Path, source: MemorySource) -> Iterator[Harness]:
    """One document whose paragraphs are a passage each."""
    with Harness(tmp_path) as harness:
        harness.chunker = OneParagraphChunker()  # type: ignore[assignment]  # as much of a chunker as is needed
        harness.ingest(source)
        assert harness.texts(1) == {"s/office": [FIRST, SECOND]}
        yield harness


def test_a_passage_is_found_by_its_span_and_a_part_of_it_by_its_own(harness: Harness) -> None:
    texts = PassageTexts(harness.catalog, 1)
    start = len(FIRST) + 2
    assert texts("s/office", 0, len(FIRST)) == FIRST
    assert texts("s/office", start, start + len(SECOND)) == SECOND
    assert texts("s/office", start, start + 4) == "Dogs"


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, len(FIRST) + 1), (len(FIRST), len(FIRST) + 2), (len(FIRST) - 3, len(FIRST) + 6), (900, 910)],
)
def test_what_no_passage_holds_whole_has_no_text(harness: Harness, start: int, end: int) -> None:
    assert PassageTexts(harness.catalog, 1)("s/office", start, end) is None


@pytest.mark.parametrize("document", ["s/nothing", "office", ""])
def test_an_unknown_document_has_no_text(harness: Harness, document: str) -> None:
    assert PassageTexts(harness.catalog, 1)(document, 0, 5) is None


def test_each_version_has_its_own_text(harness: Harness, source: MemorySource) -> None:
    source.put("office", "It is closed.", "public")
    harness.ingest(source)
    assert PassageTexts(harness.catalog, 1)("s/office", 0, 10) == "The office"
    assert PassageTexts(harness.catalog, 2)("s/office", 0, 13) == "It is closed."
    assert PassageTexts(harness.catalog, 2)("s/office", 0, len(FIRST)) is None


def test_a_purged_document_has_no_text(harness: Harness) -> None:
    purge(harness.catalog, "s/office", by=None)
    assert PassageTexts(harness.catalog, 1)("s/office", 0, len(FIRST)) is None


def test_a_passage_with_folded_white_space_is_given_whole_or_not_at_all(harness: Harness) -> None:
    folded = " ".join(FIRST.split()[:5])
    with harness.catalog.write() as session:
        session.execute(update(ChunkRow).where(col(ChunkRow.ordinal) == 0).values(text=folded))
    texts = PassageTexts(harness.catalog, 1)
    assert texts("s/office", 0, len(FIRST)) == folded
    assert texts("s/office", 0, 10) is None


def test_a_document_is_read_once(harness: Harness) -> None:
    texts = PassageTexts(harness.catalog, 1)
    asked: list[str] = []
    event.listen(harness.catalog.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for start in range(10):
        assert texts("s/office", start, start + 5) == FIRST[start : start + 5]
        assert texts("s/nothing", start, start + 5) is None
    assert sum("chunk" in statement for statement in asked) == 2
