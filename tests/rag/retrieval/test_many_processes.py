"""Reader processes at full speed while promotions and rollbacks happen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from rag.catalog import Catalog
from rag.index import Bm25Encoder, EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore
from rag.releases import roll_back
from rag.retrieval import Retriever
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness
from tests.support.qdrant_http import KEY, QdrantHttp
from tests.support.source import MemorySource

READERS = 8
DOCUMENTS = 12
MOVES = 20
ROOT = Path(__file__).parents[3]


def edition(number: int) -> MemorySource:
    """Every document says which edition it is of; half of them match the question in other words each time."""
    source = MemorySource()
    for id in range(DOCUMENTS):
        source.put(f"d{id}", f"edition{number} of text {id} about topic{(id + number) % 3}", "public")
    return source


def store_of(root: Path, url: str) -> IndexStore:
    """On the server at ``url``; with none, embedded below ``root``."""
    if not url:
        return EdgeStore(root / "index")
    client = QdrantClient(url=url, headers={"api-key": KEY}, timeout=30, check_compatibility=False)
    return QdrantServerStore(client, prefix="lockgate-test")


def read(root: Path, url: str) -> None:
    """What a reader process does until it is told to stop: searches, and notes what came back."""
    catalog = Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=False)
    bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=20)
    seen: dict[int, int] = {}
    wrong: list[str] = []
    try:
        with Retriever(catalog, store_of(root, url), WordEmbedder(), bm25) as retriever:
            (root / f"ready-{os.getpid()}").touch()
            while not (root / "stop").exists():
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


@pytest.fixture(params=["edge", pytest.param("server", marks=pytest.mark.soak)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server, or empty for the embedded store."""
    if request.param == "edge":
        yield ""
        return
    with QdrantHttp() as server:
        yield server.url


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
        readers = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    f"import pathlib, {__name__} as m; m.read(pathlib.Path({str(tmp_path)!r}), {url!r})",
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(READERS)
        ]
        try:
            _wait_for(lambda: len(list(tmp_path.glob("ready-*"))) == READERS)
            for move in range(MOVES):
                time.sleep(0.5 if url else 0.1)
                if move % 3 == 2:
                    with harness.catalog.write() as session:
                        roll_back(session)
                else:
                    harness.promote(move % 3 + 2)
        finally:
            (tmp_path / "stop").touch()
            told = [reader.communicate(timeout=60)[0] for reader in readers]
    reports = [json.loads(text) for text in told]
    assert [report["wrong"] for report in reports] == [[]] * READERS
    assert {"2", "3"} <= {version for report in reports for version in report["seen"]} <= {"1", "2", "3"}
    assert all(sum(report["seen"].values()) >= MOVES for report in reports)


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail("the readers did not start")
        time.sleep(0.05)
