"""The real parts together: parser, MiniLM, Qdrant Edge; and other processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import Content
from rag.embedding import SentenceTransformerEmbedder
from rag.index import EdgeStore
from rag.parsing import Parser
from tests.rag.parsing.making import made_pdf
from tests.support.harness import ADA, BOB, Harness
from tests.support.source import MemorySource

HANDBOOK = """# Parental leave

Every parent takes sixteen weeks of paid leave after a birth or an adoption.

## How to ask

Write to the people team at least two months before.
"""
BICYCLES = "Bicycles are parked in the rack behind the warehouse, never in the corridor."


class PdfSource(MemorySource):
    """One of its documents is a PDF of two pages."""

    def fetch(self, id: str) -> Content:
        content = super().fetch(id)
        if id != "boiler":
            return content
        first, second = "The boiler room is locked.", "The pressure valve is checked every Tuesday morning."
        return Content("boiler.pdf", made_pdf([[(72, 700, 12, first)], [(72, 700, 12, second)]]))


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as parser:
        yield parser


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, parser: Parser) -> Iterator[Harness]:
    root = tmp_path_factory.mktemp("whole")
    source = PdfSource()
    source.put("leave", HANDBOOK, "user:ada", suffix="md")
    source.put("bicycles", BICYCLES, "public")
    source.put("boiler", "", "public", suffix="pdf")
    store, embedder = EdgeStore(root / "index"), SentenceTransformerEmbedder()
    with Harness(root, store=store, embedder=embedder, parser=parser, max_tokens=64) as harness:
        harness.ingest(source)
        harness.promote()
        yield harness


def test_a_question_finds_the_passage_that_answers_it(whole: Harness) -> None:
    retriever = whole.retriever()
    hit = retriever.search("How long may new mothers and fathers stay at home?", principal=ADA)[0]
    assert hit.document == "s/leave"
    assert hit.title == "Parental leave"
    assert "sixteen weeks" in hit.text
    assert retriever.search("Where do I put my bike?", principal=ADA)[0].document == "s/bicycles"


def test_another_reader_gets_everything_but_that(whole: Harness) -> None:
    hits = whole.retriever().search("How long is parental leave?", principal=BOB, limit=100)
    assert {hit.document for hit in hits} == {"s/bicycles", "s/boiler"}


def test_the_span_of_a_hit_is_its_text_in_the_parsed_document(whole: Harness, parser: Parser) -> None:
    text = parser.parse("leave.md", HANDBOOK.encode()).text
    hits = whole.retriever().search("leave", principal=ADA, match={"document": "s/leave"}, limit=100)
    assert hits
    for hit in hits:
        assert text[slice(*hit.span)] == hit.text


def test_a_hit_in_a_pdf_has_its_page(whole: Harness) -> None:
    hit = whole.retriever().search("pressure valve", principal=BOB, match={"format": "pdf"})[0]
    assert "every Tuesday" in hit.text
    assert hit.page is not None


OTHER = """
import sys
from pathlib import Path
from rag.catalog import Catalog
from rag.index import Bm25Encoder, EdgeStore
from rag.retrieval import Retriever
from tests.support.embedder import WordEmbedder
root = Path(sys.argv[1])
catalog = Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=False)
bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=20)
retriever = Retriever(catalog, EdgeStore(root / "index"), WordEmbedder(), bm25)
for principal in sys.stdin:
    found = retriever.search_version("text", principal=principal.strip())
    print(found.version, *sorted(hit.text for hit in found.hits), sep="|", flush=True)
"""


def test_another_process_sees_every_change_of_rule_group_and_pointer_with_its_next_search(
    tmp_path: Path,
) -> None:
    source = MemorySource()
    source.put("a", "alpha text", ADA)
    source.put("b", "beta text", "public")
    with Harness(tmp_path, store=EdgeStore(tmp_path / "index")) as harness:
        harness.ingest(source)
        harness.promote()
        other = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def ask(principal: str) -> str:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(principal + "\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        try:
            assert (ask(ADA), ask(BOB)) == ("1|alpha text|beta text", "1|beta text")
            source.allow("a", "group:eng")
            harness.ingest(source)
            assert (ask(ADA), ask(BOB)) == ("1|beta text", "1|beta text")
            harness.set_groups({"group:eng": {"group:team"}, "group:team": {BOB}})
            assert (ask(ADA), ask(BOB)) == ("1|beta text", "1|alpha text|beta text")
            source.put("b", "better text", "public")
            harness.ingest(source)
            assert ask(BOB) == "1|alpha text|beta text"
            harness.promote()
            assert ask(BOB) == "2|alpha text|better text"
            harness.set_groups({})
            assert ask(BOB) == "2|better text"
        finally:
            other.communicate("")
        assert other.returncode == 0
