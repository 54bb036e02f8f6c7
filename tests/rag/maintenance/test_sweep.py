"""Retention: what stays, what goes with the versions that go, and what comes after."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rag.catalog import utcnow
from rag.catalog.tables import Version
from rag.errors import UnknownVersionError
from rag.index import EdgeStore, IndexPoint, SparseVector
from rag.maintenance import Retention, Swept, sweep
from tests.rag.maintenance.looking import (
    assert_counts_agree,
    entries,
    readable_versions,
    reject,
    roll_back_to,
    vectors,
)
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness, StoppedError, stop_after
from tests.support.memory_store import MemoryStore
from tests.support.orphans import orphans
from tests.support.source import MemorySource

NOW = timedelta(0)


def swept(
    harness: Harness, promoted: int = 0, younger_than: timedelta = NOW, *, dry_run: bool = False
) -> Swept:
    retention = Retention(promoted, younger_than)
    return sweep(harness.catalog, harness.store, harness.cache, retention, dry_run=dry_run)


def edit(harness: Harness, source: MemorySource, text: str) -> int:
    """Another version, in which ``c`` has this text; its number."""
    source.put("c", text, "public")
    harness.ingest(source)
    assert harness.latest is not None
    return harness.latest


def six_versions(harness: Harness, source: MemorySource) -> None:
    """Promoted in this order: 1, 2, 4, 5, then back to 2. 3 is rejected, 6 is a candidate."""
    for number in range(1, 7):
        assert edit(harness, source, f"gamma text {number}") == number
        if number == 3:
            reject(harness)
        elif number < 6:
            harness.promote()
    roll_back_to(harness, 2)


def test_a_day_and_three_promoted_ones_are_kept_unless_told_otherwise() -> None:
    assert Retention() == Retention(promoted=3, younger_than=timedelta(days=1))


@pytest.mark.parametrize(
    ("promoted", "kept"),
    [(0, (2, 6)), (1, (2, 6)), (2, (2, 5, 6)), (3, (2, 4, 5, 6)), (4, (1, 2, 4, 5, 6)), (9, (1, 2, 4, 5, 6))],
)
def test_the_last_promoted_ones_stay_and_the_candidate(
    harness: Harness, source: MemorySource, promoted: int, kept: tuple[int, ...]
) -> None:
    six_versions(harness, source)
    result = swept(harness, promoted)
    assert result.kept == kept
    assert result.versions == tuple(sorted(set(range(1, 7)) - set(kept)))
    assert readable_versions(harness) == list(kept)
    assert orphans(harness.catalog, harness.store, harness.cache) == []
    assert_counts_agree(harness)
    for number in kept:
        assert harness.readable(ADA, number) == ["alpha text", f"gamma text {number}"]


def test_what_was_sealed_lately_stays(harness: Harness, source: MemorySource) -> None:
    six_versions(harness, source)
    for number, hours in ((1, 30), (2, 25), (3, 23), (4, 25), (5, 24), (6, 0)):
        with harness.catalog.write() as session:
            session.get_one(Version, number).sealed_at = utcnow() - timedelta(hours=hours)
    assert swept(harness, 0, timedelta(days=1)).kept == (2, 3, 6)


def test_a_swept_version_is_written_down_and_no_way_back(harness: Harness, source: MemorySource) -> None:
    six_versions(harness, source)
    swept(harness, 2)
    (entry,) = entries(harness, "sweep")
    assert entry.details == {"versions": [1, 3, 4]}
    assert harness.versions() == {
        1: "retired",
        2: "promoted",
        3: "rejected",
        4: "retired",
        5: "retired",
        6: "candidate",
    }
    with pytest.raises(UnknownVersionError, match="retention"):
        roll_back_to(harness, 4)
    with pytest.raises(UnknownVersionError):
        harness.promote(3)
    with pytest.raises(UnknownVersionError):
        harness.readable(ADA, 1)
    assert harness.readable(ADA) == ["alpha text", "gamma text 2"]
    roll_back_to(harness, 5)
    assert harness.readable(ADA) == ["alpha text", "gamma text 5"]


def test_only_what_no_kept_version_needs_goes(harness: Harness, source: MemorySource) -> None:
    six_versions(harness, source)
    source.remove("a")
    harness.ingest(source)  # 7: without a, which 2, 5 and 6 hold
    result = swept(harness, 2)
    assert result.kept == (2, 5, 7)
    # "gamma text" 1, 3 and 4; what 6 brought is in 7.
    assert (result.revisions, result.chunks, result.vectors) == (3, 3, 3)
    assert len(vectors(harness)) == 5
    assert harness.texts(2)["s/a"] == ["alpha text"]
    assert swept(harness, 0).kept == (2, 7)
    assert orphans(harness.catalog, harness.store, harness.cache) == []


def test_nothing_to_take_away_is_not_written_down(harness: Harness, source: MemorySource) -> None:
    assert swept(harness) == Swept((), 0, 0, 0, (), ())
    harness.ingest(source)
    assert swept(harness) == Swept((), 0, 0, 0, (), (1,))
    harness.promote()
    assert swept(harness) == Swept((), 0, 0, 0, (), (1,))
    assert entries(harness, "sweep") == []


def test_a_dry_run_foresees_all_of_it_and_changes_nothing(harness: Harness, source: MemorySource) -> None:
    six_versions(harness, source)
    assert isinstance(harness.store, MemoryStore)
    harness.store.versions[77] = {}
    before = harness.portrait(), len(vectors(harness)), entries(harness, "sweep")
    foreseen = swept(harness, 1, dry_run=True)
    assert (harness.portrait(), len(vectors(harness)), entries(harness, "sweep")) == before
    assert foreseen.versions == (1, 3, 4, 5)
    assert foreseen.leftovers == ("the index of version 77",)
    assert swept(harness, 1) == foreseen


@pytest.mark.parametrize("step", ["plan", "batch 1", "begin", "embed"])
def test_what_a_dead_ingest_has_done_is_kept_for_the_next(
    harness: Harness, source: MemorySource, step: str
) -> None:
    for number in (1, 2):
        edit(harness, source, f"gamma text {number}")
        harness.promote()
    source.put("a", "alpha text revised", "user:ada")
    source.remove("b")
    embedder = harness.embedder
    assert isinstance(embedder, WordEmbedder)
    with pytest.raises(StoppedError):
        harness.ingest(source, after=stop_after(step))
    assert swept(harness).kept == (2,)
    harness.ingest(source)
    assert harness.latest == 3
    assert harness.texts(3) == {"s/a": ["alpha text revised"], "s/c": ["gamma text 2"]}
    assert (
        embedder.embedded.count("a\nalpha text revised") + embedder.embedded.count("alpha text revised") == 1
    )
    assert orphans(harness.catalog, harness.store, harness.cache) == []
    assert_counts_agree(harness)


def test_after_a_rejected_version_was_swept_the_next_is_made_from_an_older_one(
    anywhere: Harness, source: MemorySource
) -> None:
    anywhere.ingest(source)
    anywhere.promote()
    edit(anywhere, source, "gamma text 2")
    source.remove("b")
    anywhere.ingest(source)  # 3: without b
    reject(anywhere)
    # 3 is the latest: it stays, and an ingest that changes nothing has something to report.
    assert swept(anywhere).kept == (1, 3)
    anywhere.ingest(source)
    assert anywhere.latest == 3
    anywhere.store.drop(3)  # as if it had gone all the same: 4 is made from 1
    source.put("b", "beta text", "public")
    source.put("d", "delta text", "public")
    anywhere.ingest(source)
    anywhere.promote()
    assert anywhere.latest == 4
    assert anywhere.readable(ADA) == ["alpha text", "beta text", "delta text", "gamma text 2"]
    assert swept(anywhere).kept == (4,)
    assert edit(anywhere, source, "gamma text 5") == 5
    assert anywhere.readable(ADA, 5) == ["alpha text", "beta text", "delta text", "gamma text 5"]
    assert orphans(anywhere.catalog, anywhere.store, anywhere.cache) == []
    assert_counts_agree(anywhere)


def test_the_newest_of_a_generation_may_go_and_the_generation_goes_on(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    harness.promote()
    edit(harness, source, "gamma text 2")
    reject(harness)
    harness.set_max_tokens(50)
    assert edit(harness, source, "gamma text 3") == 3
    assert swept(harness).versions == (2,)
    harness.set_max_tokens(40)
    assert edit(harness, source, "gamma text 4") == 4
    assert harness.readable(ADA, 4) == ["alpha text", "gamma text 4"]
    assert orphans(harness.catalog, harness.store, harness.cache) == []
    assert_counts_agree(harness)


def test_what_dead_runs_left_in_the_index_is_taken_away_and_named(
    tmp_path: Path, source: MemorySource
) -> None:
    store = EdgeStore(tmp_path / "index")
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        harness.promote()
        builder = store.build(2, dimension=64, base=None)
        vector = harness.embedder.embed_queries(["x"])[0]
        builder.upsert([IndexPoint(999, vector, SparseVector((1,), (1.0,)), 1, 1, {})])
        builder.seal(expected_points=1)  # sealed, and its run died before it could say so
        (store.root / ".building-00000003").mkdir()
        assert swept(harness, dry_run=True).leftovers == ("the index of version 2",)
        assert swept(harness).leftovers == ("the index of version 2", ".building-00000003")
        assert store.sealed() == [1]
        assert orphans(harness.catalog, harness.store, harness.cache) == []
        assert edit(harness, source, "gamma text 2") == 2
        assert harness.readable(ADA, 2) == ["alpha text", "gamma text 2"]
