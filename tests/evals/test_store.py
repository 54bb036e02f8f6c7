"""Measurements, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals import store
from evals.measurement import Failure, Leak
from rag.catalog import Catalog
from rag.catalog.tables import Generation, Version, VersionState
from tests.evals.making import measured
from tests.rag.catalog.opening import opened

LEAK = Leak("q0", "user:bob", "s/secret", ("fused", "bm25"))
FAILURE = Failure("q1", "fused", "IndexMissingError", "version 7 is gone")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.add(Generation(id=1, digest="d", settings={}))
            session.flush()
            for number in (1, 2):
                session.add(Version(number=number, generation_id=1, state=VersionState.CANDIDATE))
        yield catalog


def test_a_measurement_comes_back_as_it_was_with_leaks_and_failures(catalog: Catalog) -> None:
    measurement = measured([0.25, 0.0, 1.0], bm25=[0.1, 0.2, 0.3], leaks=[LEAK], failures=[FAILURE])
    with catalog.write() as session:
        store.save(session, 1, measurement, retrieval="r")
    with catalog.read() as session:
        found = store.find(session, 1, golden="g", evaluator="e1", retrieval="r")
        assert found is not None
        loaded = store.load(session, found)
    assert set(loaded.scores) == set(measurement.scores)
    assert (loaded.leaks, loaded.failures) == ((LEAK,), (FAILURE,))
    assert (loaded.asked, loaded.systems, loaded.main) == (
        measurement.asked,
        measurement.systems,
        measurement.main,
    )
    assert loaded.summary("fused") == measurement.summary("fused")


def test_a_measurement_without_answerable_questions_comes_back_too(catalog: Catalog) -> None:
    with catalog.write() as session:
        store.save(session, 1, measured([]), retrieval="r")
    with catalog.read() as session:
        found = store.find(session, 1)
        assert found is not None
        assert store.load(session, found) == measured([])


def test_the_latest_with_all_those_fingerprints_is_found(catalog: Catalog) -> None:
    with catalog.write() as session:
        store.save(session, 1, measured([0.1]), retrieval="r")
        store.save(session, 1, measured([0.2]), retrieval="r")
        store.save(session, 1, measured([0.3], evaluator="e2"), retrieval="r")
        store.save(session, 1, measured([0.4]), retrieval="other")
    with catalog.read() as session:
        for wanted, value in [
            ({"golden": "g", "evaluator": "e1", "retrieval": "r"}, 0.2),
            ({"evaluator": "e2"}, 0.3),
            ({}, 0.4),
        ]:
            found = store.find(session, 1, **wanted)
            assert found is not None
            assert store.load(session, found).values("fused", "nDCG@10") == {"q0": value}
        assert store.find(session, 1, golden="another") is None
        assert store.find(session, 2) is None
