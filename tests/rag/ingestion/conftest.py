from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.harness import Harness
from tests.support.source import MemorySource


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """Ingestion into a store in memory, with nothing ingested yet."""
    with Harness(tmp_path) as harness:
        yield harness


@pytest.fixture
def source() -> MemorySource:
    """Three documents: ``a`` for Ada, ``b`` for Bob, ``c`` for everybody."""
    source = MemorySource()
    source.put("a", "alpha text", "user:ada")
    source.put("b", "beta text", "user:bob")
    source.put("c", "gamma text", "public")
    return source
