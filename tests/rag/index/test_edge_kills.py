"""The embedded store, killed at any moment: what was sealed opens and answers exactly; nothing else is left."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rag.index import EdgeStore
from tests.rag.index.contract import ids, point, sealed
from tests.rag.index.test_edge_erase import SECRET, holding, secret

_WORK = """
import shutil, sys
from pathlib import Path

from rag.index import EdgeStore
from tests.rag.index.contract import point

store, backup, other = EdgeStore(Path(sys.argv[1])), Path(sys.argv[2]), EdgeStore(Path(sys.argv[3]))
steps = {
    "erase": lambda: store.erase({2}),
    "drop": lambda: store.drop(2),
    "load": lambda: other.load_from(backup),
    "copy": lambda: store.copy_to(other.root, [1, 2]),
    "build": lambda: build(),
}

def build():
    builder = store.build(3, dimension=4, base=2)
    builder.delete([4])
    builder.erase({2})
    builder.upsert([point(5)])
    builder.seal(expected_points=3)

print("ready", flush=True)
for step in sys.argv[4:]:
    steps[step]()
"""

MAY_BE = {1: ([1, 2, 3], [1, 3]), 2: ([1, 2, 3, 4], [1, 3, 4]), 3: ([1, 3, 5],)}
"""What a search may see in each version: as it was, or without what is erased."""


def answers(store: EdgeStore) -> dict[int, list[int]]:
    found = {}
    for version in store.sealed():
        store.verify(version)
        reader = store.open(version)
        found[version] = ids(reader)
        reader.close()
    return found


def assert_whole(store: EdgeStore, *, versions: set[int]) -> None:
    """At least these versions are there, exact; after tidying, one directory a version and nothing else."""
    found = answers(store)
    assert versions <= set(found)
    assert all(seen in MAY_BE[version] for version, seen in found.items()), found
    store.tidy()
    assert answers(store) == found
    if store.root.exists():
        left = [path.name.partition(".")[0] for path in store.root.iterdir()]
        assert sorted(left) == [f"{version:08d}" for version in found]


def lay_out(folder: Path) -> tuple[EdgeStore, Path]:
    """Version 1 (points 1 to 3), 2 (1 to 4), and a backup of both."""
    store, backup = EdgeStore(folder / "index"), folder / "backup"
    sealed(store, 1, [point(1), secret(), point(3)], expected=3).close()
    sealed(store, 2, [point(4)], expected=4, base=1).close()
    store.copy_to(backup, [1, 2])
    return store, backup


def killed_after(seconds: float, *arguments: str) -> bool:
    """Whether the work was still going on when it was killed."""
    work = subprocess.Popen([sys.executable, "-c", _WORK, *arguments], stdout=subprocess.PIPE, text=True)
    assert work.stdout is not None
    assert work.stdout.readline() == "ready\n"
    time.sleep(seconds)
    work.kill()
    work.communicate()
    assert work.returncode in (0, -9)
    return work.returncode == -9


def kill_again_and_again(folder: Path, *, kills: int) -> None:
    store, backup = lay_out(folder / "first")
    longest, seed = 0.25, random.Random(folder.name)
    for number in range(kills):
        here, other = EdgeStore(folder / f"index-{number}"), EdgeStore(folder / f"other-{number}")
        here.load_from(backup)
        step = ("erase", "build", "drop", "load", "copy")[number % 5]
        steps = ["erase", "drop"] if step == "drop" else [step]
        was_killed = killed_after(
            seed.uniform(0, longest), str(here.root), str(backup), str(other.root), *steps
        )
        assert_whole(here, versions={1} if step == "drop" else {1, 2})
        if step == "load":
            assert set(other.sealed()) in (set(), {1, 2})
        assert_whole(other, versions=set())
        # Done again, it is done.
        here.erase({2})
        assert holding(here, SECRET) == []
        here.drop(2)
        assert_whole(here, versions={1})
        if step == "load" and not other.sealed():
            other.load_from(backup)
            assert answers(other) == answers(store)
        # Moves with the machine, so that about half of the kills come while something is being done.
        longest = longest * 0.8 if was_killed else longest * 1.25 if longest < 5 else longest
        longest = max(longest, 0.02)
        shutil.rmtree(here.root)
        shutil.rmtree(other.root, ignore_errors=True)


def test_a_store_survives_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=5)


@pytest.mark.soak
def test_a_store_survives_many_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=150)
