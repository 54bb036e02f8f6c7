"""A sweep that is killed anywhere is finished by the next, and readers notice nothing of either."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rag.maintenance.unused as unused_module
from rag.index import EdgeStore
from rag.maintenance import Retention, sweep
from tests.rag.maintenance.looking import assert_counts_agree, readable_versions
from tests.support.harness import ADA, Harness, StoppedError
from tests.support.memory_store import MemoryStore
from tests.support.orphans import orphans
from tests.support.source import MemorySource

ALL_OLD = Retention(promoted=0, younger_than=Retention().younger_than * 0)
STAGES = ["_mark", "drop", "remove_revisions", "remove_vectors", "tidy", "settle"]


def five_versions(harness: Harness, source: MemorySource) -> None:
    for number in range(1, 6):
        source.put("c", f"gamma text {number}", "public")
        harness.ingest(source)
        harness.promote()


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_anywhere_it_is_finished_by_the_next(
    tmp_path: Path, source: MemorySource, stage: str, done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    with Harness(tmp_path, store=store) as harness:
        five_versions(harness, source)
        owner = store if stage in ("drop", "tidy") else sys.modules[sweep.__module__]
        real = getattr(owner, stage)

        def dies(*args: object) -> object:
            if done:
                real(*args)
            raise StoppedError(stage)

        with monkeypatch.context() as patched:
            patched.setattr(owner, stage, dies)
            with pytest.raises(StoppedError):
                sweep(harness.catalog, store, harness.cache, ALL_OLD)
        # Before anything is written down nothing has happened; from then on they are gone for every reader.
        unmarked = stage == "_mark"
        assert readable_versions(harness) == ([1, 2, 3, 4, 5] if unmarked else [5])
        assert harness.readable(ADA) == ["alpha text", "gamma text 5"]
        again = sweep(harness.catalog, store, harness.cache, ALL_OLD)
        assert again.versions == ((1, 2, 3, 4) if unmarked else ())
        assert orphans(harness.catalog, store, harness.cache) == []
        assert harness.readable(ADA) == ["alpha text", "gamma text 5"]
        assert_counts_agree(harness)


def test_killed_between_two_batches_of_revisions_it_goes_on(
    tmp_path: Path, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unused_module, "_BATCH", 1)
    with Harness(tmp_path) as harness:
        five_versions(harness, source)
        result = sweep(harness.catalog, harness.store, harness.cache, ALL_OLD)
        assert (result.revisions, result.chunks, result.vectors) == (4, 4, 4)
        assert orphans(harness.catalog, harness.store, harness.cache) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from rag.index import EdgeStore, edge_files
from rag.maintenance import sweep
from tests.rag.maintenance.test_sweep_kills import ALL_OLD
from tests.support.harness import Harness
root = Path(sys.argv[1])
removed = []
real = edge_files.remove
def dies(directory):
    removed.append(directory)
    if len(removed) == 4:
        next(path for path in directory.rglob("*") if path.is_file()).unlink()  # half-way
        os.kill(os.getpid(), signal.SIGKILL)
    real(directory)
edge_files.remove = dies
harness = Harness(root, store=EdgeStore(root / "index"))
sweep(harness.catalog, harness.store, harness.cache, ALL_OLD)
"""


def test_killed_by_force_while_it_removes_a_version_it_is_finished_by_the_next(
    tmp_path: Path, source: MemorySource
) -> None:
    store = EdgeStore(tmp_path / "index")
    with Harness(tmp_path, store=store) as harness:
        five_versions(harness, source)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -9
    with Harness(tmp_path, store=store) as harness:
        assert orphans(harness.catalog, store, harness.cache) != []
        assert harness.readable(ADA) == ["alpha text", "gamma text 5"]
        sweep(harness.catalog, store, harness.cache, ALL_OLD)
        assert orphans(harness.catalog, store, harness.cache) == []
        assert store.sealed() == [5]
        assert harness.readable(ADA) == ["alpha text", "gamma text 5"]
