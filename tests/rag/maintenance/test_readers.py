"""Readers while versions are built, promoted, purged of and swept away: not one search fails."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from rag.maintenance import Retention, finish_erasures, purge, sweep
from tests.support.harness import ADA, Harness
from tests.support.source import MemorySource
from tests.support.stores import STORES


@pytest.mark.parametrize("kind", ["memory", "edge"])
def test_no_search_fails_or_mixes_versions_while_versions_come_and_go(tmp_path: Path, kind: str) -> None:
    source = MemorySource()
    with Harness(tmp_path, store=STORES[kind](tmp_path)) as harness:
        retriever = harness.retriever()

        def publish(number: int) -> None:
            for id in "abc":
                source.put(id, f"text of {id} in {number}", "public")
            harness.ingest(source)
            harness.promote()

        publish(0)
        ended = threading.Event()
        problems: list[BaseException] = []
        searches = [0] * 3

        def search(who: int) -> None:
            while not ended.is_set():
                try:
                    hits = retriever.search("text", principal=ADA, limit=10)
                    assert len({hit.text.rpartition(" ")[2] for hit in hits}) == 1
                    assert {hit.document for hit in hits} in ({"s/a", "s/b", "s/c"}, {"s/a", "s/b"})
                except BaseException as error:  # noqa: BLE001  (the test tells it)
                    problems.append(error)
                    return
                searches[who] += 1

        threads = [threading.Thread(target=search, args=(who,)) for who in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(1, 6):
                publish(number)
                if number == 3:
                    purge(harness.catalog, "s/c", by="ops")
                    finish_erasures(harness.catalog, harness.store, harness.cache)
                # The one before is kept: a search that began before the promotion has time to end.
                sweep(harness.catalog, harness.store, harness.cache, Retention(2, timedelta(0)))
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        assert problems == []
        assert min(searches) > 0
        assert harness.store.sealed() == [5, 6]
