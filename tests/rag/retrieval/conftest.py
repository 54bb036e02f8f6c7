from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.retrieval import Retriever
from tests.support.harness import Harness
from tests.support.qdrant_http import QdrantHttp
from tests.support.source import MemorySource


@pytest.fixture
def source() -> MemorySource:
    """Ada reads ``plan`` and ``menu``, Bob ``menu`` alone, group:eng ``keys``, nobody ``secret``."""
    source = MemorySource()
    source.put("plan", "merger plan", "user:ada", title="The plan", uri="https://wiki.example/plan")
    source.put("menu", "lunch menu plan", "public")
    source.put("keys", "signing keys plan", "group:eng")
    source.put("secret", "merger plan secret", "user:ada", "public", deny=("public",))
    return source


@pytest.fixture
def harness(tmp_path: Path, source: MemorySource) -> Iterator[Harness]:
    """Those documents, promoted as version 1, in a store in memory."""
    with Harness(tmp_path) as harness:
        harness.ingest(source)
        harness.promote()
        yield harness


@pytest.fixture
def retriever(harness: Harness) -> Retriever:
    """One that has searched before."""
    retriever = harness.retriever()
    retriever.search("plan", principal="public")
    return retriever


@pytest.fixture(params=["edge", pytest.param("server", marks=pytest.mark.soak)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server, or empty for the embedded store."""
    if request.param == "edge":
        yield ""
        return
    with QdrantHttp() as server:
        yield server.url
