"""SIGKILL at random moments of ingest, seal, promote, sweep, backup and restore, of a real process."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from flows.reporting import status_of
from rag.errors import ReleaseError
from rag.index import EdgeStore
from rag.ingestion import writer_lock
from rag.maintenance import Retention, back_up, restore, sweep
from rag.releases import export_ledger, promoted, read_ledger, roll_back
from rag.settings import load_settings
from tests.support.harness import ADA, Harness
from tests.support.orphans import orphans
from tests.support.source import MemorySource

ROOT = Path(__file__).parents[2]
DOCUMENTS = 30
STEPS = ("ingest", "seal", "promote", "rollback", "sweep", "backup", "restore")
LONGEST_SECONDS = 2.5
CONFIG = """\
project: kills
state: state
sources:
  - {name: s, connector: filesystem, path: nowhere, access: {default: public}}
"""


def texts(edition: int) -> dict[str, str]:
    """The documents of an edition: a few of them change with every one, and one comes.

    None is deleted: a rollback would not bring it back, which is right, and not what this is about.
    """
    return {
        f"d{number}": f"text {number} as of {edition - (edition + number) % 7}"
        for number in range(DOCUMENTS + edition)
    }


def source_of(edition: int) -> MemorySource:
    source = MemorySource()
    for id, text in texts(edition).items():
        source.put(id, text, "public")
    return source


def write(path: Path, value: object) -> None:
    """Replaces the file at once: a kill leaves the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value), encoding="utf-8")
    partial.replace(path)


def read(path: Path, default: int) -> int:
    return int(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else default


class Worker:
    """What is killed: does one thing after another, and notes which."""

    def __init__(self, root: Path) -> None:
        self.root, self.state = root, root / "state"
        self.harness = Harness(self.state, store=EdgeStore(self.state / "index"))

    def doing(self, step: str) -> None:
        (self.root / "doing").write_text(step, encoding="utf-8")

    def ingest(self) -> int:
        """The edition that is due, as often as it takes; the version that holds it."""
        self.doing("ingest")
        edition = read(self.root / "edition", 1)
        self.harness.ingest(
            source_of(edition), after=lambda step: self.doing("seal") if step == "embed" else None
        )
        latest = self.harness.latest
        assert latest is not None
        write(self.root / "editions" / str(latest), edition)
        write(self.root / "edition", edition + 1)
        return latest

    def promote(self) -> None:
        self.doing("promote")
        self.harness.promote()

    def rollback(self) -> None:
        self.doing("rollback")
        # After a sweep there may be no version to go back to.
        with contextlib.suppress(ReleaseError), self.harness.catalog.write() as session:
            roll_back(session)

    def sweep(self) -> None:
        self.doing("sweep")
        sweep(self.harness.catalog, self.harness.store, self.harness.cache, Retention(2, timedelta(0)))

    def backup(self) -> None:
        self.doing("backup")
        target = self.root / f"backup-{len(list(self.root.glob('backup-*')))}"
        back_up(
            self.harness.catalog, self.harness.store, self.state / "vectors.sqlite", target, project="kills"
        )

    def restore(self) -> None:
        """Into a place of its own, which a kill leaves as it is: the same again must do."""
        backups = sorted(path for path in self.root.glob("backup-*") if "partial" not in path.name)
        if not backups:
            return
        self.doing("restore")
        restore_last(self.root, self.harness)
        shutil.rmtree(self.root / "restored")

    def go_on(self, seed: int) -> None:
        chance = random.Random(seed)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            self.ingest()
            self.promote()
            for step in chance.sample((self.rollback, self.sweep, self.backup, self.restore), 3):
                step()


def restore_last(root: Path, harness: Harness) -> int | None:
    """Restores the last backup below ``root`` with the ledger of now; the version promoted there."""
    backup = max(path for path in root.glob("backup-*") if "partial" not in path.name)
    ledger, place = root / "ledger.jsonl", root / "restored"
    with harness.catalog.read() as session, ledger.open("w", encoding="utf-8", newline="") as file:
        file.writelines(export_ledger(session, project="kills"))
    place.mkdir(exist_ok=True)
    if (place / "catalog.sqlite").exists() and not (place / "unfinished").exists():
        shutil.rmtree(place)  # it was whole when the process was killed
        place.mkdir()
    (place / "unfinished").touch()
    done = restore(
        backup,
        catalog_url=f"sqlite:///{place / 'catalog.sqlite'}",
        store=EdgeStore(place / "index"),
        vectors=place / "vectors.sqlite",
        later=read_ledger(ledger),
        members_of=None,
        by=None,
    )
    (place / "unfinished").unlink()
    return done.promoted


def work(root: Path, seed: int) -> None:
    with writer_lock(root / "state"):
        Worker(root).go_on(seed)


def expected(root: Path, version: int) -> list[str]:
    """What a version holds: that of the edition it was noted for, or else of the one that was being ingested."""
    edition = read(root / "editions" / str(version), read(root / "edition", 1))
    return sorted(texts(edition).values())


def killed_once(root: Path, seed: int) -> str:
    """Starts a worker, kills it at a random moment, and looks at everything; what it was doing."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import pathlib, {__name__} as m; m.work(pathlib.Path({str(root)!r}), {seed})",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        _wait(root, random.Random(seed))
        assert child.poll() is None, f"the worker ended by itself with {child.returncode}"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    was_doing = (root / "doing").read_text(encoding="utf-8")
    promoted_answers(root)
    status_tells_the_truth(root)
    the_next_run_completes(root)
    return was_doing


def _wait(root: Path, chance: random.Random) -> None:
    """For any time, or in every other case until a step begins, and a moment more: some take milliseconds."""
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, LONGEST_SECONDS))
        return
    step, until = chance.choice(STEPS), time.monotonic() + 4 * LONGEST_SECONDS
    while (root / "doing").read_text(encoding="utf-8") != step and time.monotonic() < until:
        time.sleep(0.0005)
    time.sleep(chance.uniform(0, 0.01 if step in ("promote", "rollback") else 0.1))


def promoted_answers(root: Path) -> None:
    with Harness(root / "state", store=EdgeStore(root / "state" / "index")) as harness:
        with harness.catalog.read() as session:
            now = promoted(session)
        if now is not None:
            assert harness.readable(ADA) == expected(root, now.version)


def status_tells_the_truth(root: Path) -> None:
    status = status_of(load_settings(root / "lockgate.yaml"))
    sealed = EdgeStore(root / "state" / "index").sealed()
    told = [v["version"] for v in status["versions"] if v["state"] != "building" and not v["swept_at"]]
    assert set(told) <= set(sealed)
    assert status["writing"] is False
    assert [v["version"] for v in status["versions"] if v["state"] == "promoted"] == (
        [status["promoted"]["version"]] if status["promoted"] else []
    )


def the_next_run_completes(root: Path) -> None:
    with writer_lock(root / "state"):
        worker = Worker(root)
        try:
            if (root / "restored").exists():
                version = restore_last(root, worker.harness)
                with Harness(root / "restored", store=EdgeStore(root / "restored" / "index")) as harness:
                    if version is not None:
                        assert harness.readable(ADA) == expected(root, version)
                shutil.rmtree(root / "restored")
            latest = worker.ingest()
            worker.promote()
            assert worker.harness.readable(ADA) == expected(root, latest)
            worker.sweep()
            assert orphans(worker.harness.catalog, worker.harness.store, worker.harness.cache) == []
        finally:
            worker.harness.close()


def kill_often(root: Path, times: int, first_seed: int) -> Counter[str]:
    (root / "state").mkdir()
    (root / "doing").touch()
    (root / "lockgate.yaml").write_text(CONFIG, encoding="utf-8")
    return Counter(killed_once(root, first_seed + number) for number in range(times))


def test_after_every_kill_all_is_well(tmp_path: Path) -> None:
    kill_often(tmp_path, 4, first_seed=1)


@pytest.mark.soak
def test_after_100_kills_all_is_well(tmp_path: Path) -> None:
    killed = kill_often(tmp_path, 100, first_seed=int(os.environ.get("LOCKGATE_SEED", "1000")))
    print(dict(killed))
    assert set(STEPS) <= set(killed)
