"""Vectors that are not those of their texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rag.maintenance import purge
from rag.maintenance.vector_audit import VectorAudit, audit_vectors
from tests.support.harness import Harness
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    source = MemorySource()
    for number in range(20):
        source.put(f"page{number:02d}", f"subject{number} matter{number} of page {number}", "public")
    with Harness(tmp_path) as harness:
        harness.ingest(source)
        yield harness


def audit(harness: Harness, sample: int = 300, seed: int = 0) -> VectorAudit:
    with closing(harness.store.open(1)) as reader:
        return audit_vectors(
            harness.catalog,
            reader,
            1,
            embedder=harness.embedder,
            cache=harness.cache,
            sample=sample,
            seed=seed,
        )


def swap(harness: Harness, first: str, second: str) -> None:
    """Gives the points of two documents each other's vectors, behind the catalog's back."""
    assert isinstance(harness.store, MemoryStore)
    points = harness.store.versions[1]
    of = {point.keys["document"]: point for point in points.values()}
    one, other = of[first], of[second]
    points[one.id], points[other.id] = replace(one, dense=other.dense), replace(other, dense=one.dense)


def test_vectors_of_their_own_texts_are_all_right(harness: Harness) -> None:
    assert audit(harness) == VectorAudit(20, ())


def test_two_that_were_swapped_are_both_named(harness: Harness) -> None:
    swap(harness, "s/page03", "s/page07")
    found = audit(harness)
    assert (found.looked, sorted(found.wrong)) == (20, ["s/page03", "s/page07"])


def test_a_point_that_is_not_there_is_wrong_too(harness: Harness) -> None:
    assert isinstance(harness.store, MemoryStore)
    gone = next(id for id, point in harness.store.versions[1].items() if point.keys["document"] == "s/page05")
    del harness.store.versions[1][gone]
    assert audit(harness).wrong == ("s/page05",)


def test_a_sample_looks_at_as_many_as_it_says_and_the_seed_draws_others(harness: Harness) -> None:
    swap(harness, "s/page03", "s/page07")
    assert audit(harness, sample=5).looked == 5
    assert {audit(harness, sample=5, seed=seed).wrong for seed in range(20)} > {()}


def test_what_the_cache_forgot_is_embedded_again(harness: Harness) -> None:
    harness.cache.forget_all()
    assert audit(harness) == VectorAudit(20, ())


def test_a_purged_document_is_not_looked_at(harness: Harness) -> None:
    purge(harness.catalog, "s/page03", by="test")
    assert audit(harness) == VectorAudit(19, ())
