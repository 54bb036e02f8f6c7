from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.harness import Harness
from tests.support.source import MemorySource
from tests.support.stores import STORES


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """Ingestion into a store in memory, with nothing ingested yet."""
    with Harness(tmp_path) as harness:
        yield harness


@pytest.fixture(
    params=[
        "memory",
        "edge",
        pytest.param(
            "server",
            marks=pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
        ),
    ]
)
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    """The same, on each kind of store."""
    with Harness(tmp_path, store=STORES[request.param](tmp_path)) as harness:
        yield harness


@pytest.fixture
def source() -> MemorySource:
    """Three documents: ``a`` for Ada, ``b`` for Bob, ``c`` for everybody."""
    source = MemorySource()
    source.put("a", "alpha text", "user:ada", uri="file:///a")
    source.put("b", "beta text", "user:bob")
    source.put("c", "gamma text", "public")
    return source
