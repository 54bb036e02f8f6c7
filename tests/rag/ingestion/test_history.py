"""The default rule of a source. Everything else about histories: ``tests/rag/test_history_machine.py``."""

from __future__ import annotations

from pathlib import Path

from rag.access import EVERYBODY
from tests.support.harness import EVE, Harness
from tests.support.source import MemorySource


def test_the_default_rule_is_for_documents_that_carry_none(tmp_path: Path) -> None:
    source = MemorySource()
    source.put("a", "red text")
    with Harness(tmp_path, default=EVERYBODY) as harness:
        harness.ingest(source)
        assert harness.readable(EVE, 1) == ["red text"]
