"""What is revoked is in no answer of another process that begins afterwards."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from rag.catalog import Catalog
from rag.index import Bm25Encoder
from rag.ingestion import Breaker, Defaults, apply_rules
from rag.retrieval import Retriever
from tests.rag.retrieval.processes import is_over, is_ready, reading, store_of
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness
from tests.support.source import MemorySource

READERS = 4
DOCUMENTS = 30
KEPT = "s/kept"


def read(root: Path, url: str) -> None:
    """Searches until told to stop, and once more; notes when the last answer began that still held a document."""
    catalog = Catalog.open(f"sqlite:///{root / 'catalog.sqlite'}", migrate=False)
    bm25 = Bm25Encoder(k1=1.2, b=0.75, average_tokens=20)
    held: dict[str, int] = {}
    last: set[str] = set()
    with Retriever(catalog, store_of(root, url), WordEmbedder(), bm25, on_close=catalog.close) as retriever:
        over = False
        while not over:
            over = is_over(root)
            begun = time.monotonic_ns()  # one clock for all processes of a machine
            last = {hit.document for hit in retriever.search("text", principal=ADA, limit=100)}
            held.update(dict.fromkeys(last, begun))
            is_ready(root)
    sys.stdout.write(json.dumps({"held": held, "last": sorted(last)}))


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_revoked_document_is_in_no_answer_that_begins_after_the_commit(tmp_path: Path, url: str) -> None:
    source = MemorySource()
    source.put("kept", "text for everybody", "public")
    for id in range(DOCUMENTS):
        source.put(f"d{id}", f"text {id}", f"group:g{id}")
    members = {f"group:g{id}": {ADA} for id in range(DOCUMENTS)}
    revoked_at: dict[str, int] = {}
    with Harness(tmp_path, store=store_of(tmp_path, url)) as harness:
        harness.set_groups(members)
        harness.ingest(source)
        harness.promote()
        with reading(read, tmp_path, url, readers=READERS) as reports:
            for id in range(DOCUMENTS):
                time.sleep(0.02)  # between two revocations there are answers
                _revoke(harness, source, members, id)
                revoked_at[f"s/d{id}"] = time.monotonic_ns()
    assert len(reports) == READERS
    for report in reports:
        assert report["held"].keys() == {KEPT, *revoked_at}  # every reader had them all, and
        assert [id for id, at in revoked_at.items() if report["held"][id] > at] == []
        assert report["last"] == [KEPT]


def _revoke(harness: Harness, source: MemorySource, members: dict[str, set[str]], id: int) -> None:
    """By the rule, by a deny or by a membership, in turns."""
    if id % 3 == 0:
        del members[f"group:g{id}"]
        harness.set_groups(members)
        return
    if id % 3 == 1:
        source.allow(f"d{id}", "user:bob")
    else:
        source.allow(f"d{id}", f"group:g{id}", deny=(ADA,))
    with harness.catalog.write() as session:
        apply_rules(session, "s", source.list(), defaults=Defaults(None), breaker=Breaker())
