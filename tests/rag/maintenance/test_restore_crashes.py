"""A restore that dies anywhere: no catalog, or the whole; and the same call makes it whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import BackupError
from rag.index import EdgeStore, IndexStore
from rag.maintenance import purge
from rag.maintenance import restore as restore_function
from rag.maintenance.place import Place
from rag.releases import LedgerFile
from tests.rag.maintenance.looking import assert_counts_agree, entries, pending
from tests.rag.maintenance.saving import Before, bring_back, files_below, save
from tests.support.harness import ADA, Harness, StoppedError
from tests.support.source import MemorySource
from tests.support.stores import STORES

module = sys.modules[restore_function.__module__]

STEPS: list[tuple[object, str]] = [
    (Place, "clear"),
    (module, "_prepare"),
    (module, "_check_index"),
    (module, "_load_vectors"),
    (Place, "go_live"),
    (module, "finish_erasures"),
    (Place, "unmark"),
]
LIVE = ("go_live after", "finish_erasures before", "finish_erasures after", "unmark before", "unmark after")
"""Deaths that come once the catalog is in its place."""


def dying(step: Callable[..., Any], when: str) -> Callable[..., Any]:
    def die(*arguments: Any) -> None:
        if when == "after":
            step(*arguments)
        raise StoppedError(step.__name__)

    return die


def assert_whole(before: Before, root: Path, store: IndexStore) -> None:
    """As after a restore that nothing happened to: with the purge of ``s/a`` done again."""
    with Harness(root, store=store) as harness:
        assert len(entries(harness, "restore")) == 1
        assert pending(harness) == 0
        assert harness.documents()["s/a"][0] == "purged"
        assert harness.readable(ADA) == ["gamma text revised"]
        assert_counts_agree(harness)
    left = {name.split("/")[0] for name in files_below(root)}
    assert left <= {"catalog.sqlite", "vectors.sqlite", "index"}


@pytest.fixture(params=["memory", "edge"])
def before(request: pytest.FixtureRequest, tmp_path: Path, source: MemorySource) -> Before:
    return Before(tmp_path, source, STORES[request.param])


@pytest.fixture
def later(before: Before) -> LedgerFile:
    purge(before.harness.catalog, "s/a", by="ops")
    return before.ledger()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_restore_that_dies_is_made_whole_by_the_same_call(
    before: Before,
    later: LedgerFile,
    owner: object,
    name: str,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dying(getattr(owner, name), when))
        with pytest.raises(StoppedError):
            bring_back(before.backup, before.new_root, before.store, later)
    is_live = f"{name} {when}" in LIVE
    assert (before.new_root / "catalog.sqlite").exists() == is_live
    if (name, when) == ("unmark", "after"):  # it was complete
        with pytest.raises(BackupError, match="needs an empty place"):
            bring_back(before.backup, before.new_root, before.store, later)
    else:
        facts = bring_back(before.backup, before.new_root, before.store, later)
        assert (facts.promoted, facts.replayed.entries, facts.replayed.purged) == (2, 1, 1)
    assert_whole(before, before.new_root, before.store)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restore_that_dies_with_the_index_is_made_whole_by_the_same_call(
    before: Before, later: LedgerFile, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(before.store, "load_from", dying(before.store.load_from, when))
        with pytest.raises(StoppedError):
            bring_back(before.backup, before.new_root, before.store, later)
    assert before.store.sealed() == ([1, 2] if when == "after" else [])
    bring_back(before.backup, before.new_root, before.store, later)
    assert_whole(before, before.new_root, before.store)


def test_what_one_restore_left_makes_way_for_another_backup(
    before: Before, later: LedgerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Place, "go_live", dying(Place.go_live, "before"))
        with pytest.raises(StoppedError):
            bring_back(before.backup, before.new_root, before.store, later)
    before.next(c="gamma text once more")
    before.backup = before.root / "another"
    save(before.harness, before.backup)
    with before.restored(before.ledger()) as harness:
        assert harness.versions() == {1: "retired", 2: "retired", 3: "promoted"}
        assert harness.readable(ADA) == ["gamma text once more"]


def test_versions_that_the_dead_restore_did_not_bring_are_left_alone(
    before: Before, later: LedgerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(before.store, "load_from", dying(before.store.load_from, "before"))
        with pytest.raises(StoppedError):
            bring_back(before.backup, before.new_root, before.store, later)
    builder = before.store.build(9, dimension=64, base=None)
    builder.seal(expected_points=0)
    with pytest.raises(BackupError, match="the index holds versions: 9"):
        bring_back(before.backup, before.new_root, before.store, later)
    assert before.store.sealed() == [9]


RESTORING = """
import sys
from pathlib import Path
from rag.index import EdgeStore
from rag.releases import read_ledger
from tests.rag.maintenance.saving import bring_back
root = Path(sys.argv[1])
later = read_ledger(root / "ledger.jsonl")
print("begun", flush=True)
bring_back(root / "saved", root / "new", EdgeStore(root / "new" / "index"), later)
print("done", flush=True)
"""


@pytest.mark.soak
def test_a_restore_killed_by_force_at_any_moment_is_made_whole_by_the_same_call(
    tmp_path: Path, source: MemorySource
) -> None:
    before = Before(tmp_path, source, STORES["edge"])
    purge(before.harness.catalog, "s/a", by="ops")
    later = before.ledger()
    moments = random.Random(7)
    killed = 0
    for _ in range(15):
        process = subprocess.Popen(
            [sys.executable, "-c", RESTORING, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(moments.uniform(0, 0.4))
        os.kill(process.pid, signal.SIGKILL)
        is_done = process.communicate()[0] == "done\n"
        killed += not is_done
        root = before.new_root
        store = EdgeStore(root / "index")
        if (not is_done and (root / "restoring.json").exists()) or not (root / "catalog.sqlite").exists():
            bring_back(before.backup, root, store, later)
        assert_whole(before, root, store)
        for path in sorted(root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert killed
