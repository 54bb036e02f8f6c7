"""Reader processes at full speed while promotions and rollbacks happen."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from rag.catalog import Catalog
from rag.index import Bm25Encoder
from rag.releases import roll_back
from rag.retrieval import Retriever
from tests.rag.retrieval.processes import is_over, is_ready, reading, store_of
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness
from tests.support.source import MemorySource

READERS = 8
DOCUMENTS = 12
MOVES = 20


def edition(number: int) -> MemorySource:
    """Every document says which edition it is of; half of them match the question in other words each time."""
    source = MemorySource()
    for id in range(DOCUMENTS):
        source.put(f"d{id}", f"edition{number} of text {id} about topic{(id + number) % 3}", "public")
    return source


def read(root: Path, url: str) -> None:
    """What a reader process does until it is told to stop: searches, and notes what came back."""
    catalog = Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=False)
    bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=20)
    seen: dict[int, int] = {}
    wrong: list[str] = []
    try:
        with Retriever(catalog, store_of(root, url), WordEmbedder(), bm25) as retriever:
            is_ready(root)
            while not is_over(root):
                for query, limit in (("text topic1", 5), ("text", DOCUMENTS)):
                    try:
                        found = retriever.search_version(query, principal=ADA, limit=limit)
                    except Exception as error:  # noqa: BLE001  (every failure is what this counts)
                        wrong.append(f"{type(error).__name__}: {error}")
                        continue
                    editions = {hit.text.split()[0] for hit in found.hits}
                    if editions != {f"edition{found.version}"} or len(found.hits) != limit:
                        wrong.append(f"version {found.version}: {sorted(editions)}, {len(found.hits)} hits")
                    seen[found.version] = seen.get(found.version, 0) + 1
    finally:
        catalog.close()
    sys.stdout.write(json.dumps({"seen": seen, "wrong": wrong}))


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_no_read_fails_and_none_mixes_versions_while_the_pointer_moves_20_times(
    tmp_path: Path, url: str
) -> None:
    with Harness(tmp_path, store=store_of(tmp_path, url)) as harness:
        for number in (1, 2, 3):
            harness.ingest(edition(number))
        assert harness.versions().keys() == {1, 2, 3}
        harness.promote(1)
        with reading(read, tmp_path, url, readers=READERS) as reports:
            for move in range(MOVES):
                time.sleep(0.5 if url else 0.1)
                if move % 3 == 2:
                    with harness.catalog.write() as session:
                        roll_back(session)
                else:
                    harness.promote(move % 3 + 2)
    assert [report["wrong"] for report in reports] == [[]] * READERS
    assert {"2", "3"} <= {version for report in reports for version in report["seen"]} <= {"1", "2", "3"}
    assert all(sum(report["seen"].values()) >= MOVES for report in reports)
