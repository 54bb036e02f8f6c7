"""Long lives of a project, by chance: whatever is done in whatever order, every version shows what it should."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import chain
from pathlib import Path

import pytest

from rag.errors import ReleaseError, UnknownVersionError
from rag.maintenance import Retention, finish_erasures, purge, sweep, undo_purge
from rag.releases import promoted, roll_back
from tests.rag.maintenance.looking import assert_counts_agree, entries, pending, readable_versions, reject
from tests.support.harness import Harness, StoppedError, stop_after
from tests.support.orphans import orphans
from tests.support.source import MemorySource

STEPS = ["plan", "batch 1", "batch 2", "begin", "embed", "build"]


class Life:
    """One project. ``shown`` is what each version held when it was sealed, less what was purged since."""

    def __init__(self, harness: Harness, chance: random.Random) -> None:
        self.harness, self.chance, self.source = harness, chance, MemorySource()
        self.shown: dict[int, dict[str, list[str]]] = {}
        self.purged: set[str] = set()

    def edit(self) -> None:
        for _ in range(self.chance.randint(0, 3)):
            id = self.chance.choice("abcdef")
            if id in self.source.pages and self.chance.random() < 0.3:
                self.source.remove(id)
            else:
                self.source.put(id, f"{id} text {self.chance.randint(0, 4)}", "public")
        self.source.put("always", "there is always text", "public")

    def ingest(self) -> None:
        self.edit()
        if self.chance.random() < 0.3:
            try:
                self.harness.ingest(self.source, after=stop_after(self.chance.choice(STEPS)))
            except StoppedError:
                return
        self.harness.ingest(self.source)
        wanted = {
            f"s/{id}": [page.text] for id, page in self.source.pages.items() if f"s/{id}" not in self.purged
        }
        assert self.harness.latest is not None
        assert self.harness.texts(self.harness.latest) == wanted

    def promote(self) -> None:
        if self.harness.latest is not None:
            self.harness.promote()

    def reject(self) -> None:
        if self.harness.latest is not None:
            reject(self.harness)

    def roll_back(self) -> None:
        try:
            with self.harness.catalog.write() as session:
                roll_back(session)
        except (ReleaseError, UnknownVersionError):
            return

    def purge(self) -> None:
        known = [key for key in self.harness.documents() if key != "s/always"]
        if known:
            key = self.chance.choice(known)
            assert purge(self.harness.catalog, key, by="ops") is (key not in self.purged)
            self.purged.add(key)
            for texts in self.shown.values():
                texts.pop(key, None)

    def erase(self) -> None:
        waiting = pending(self.harness)
        assert finish_erasures(self.harness.catalog, self.harness.store, self.harness.cache) == waiting
        assert_counts_agree(self.harness)

    def let_in_again(self) -> None:
        if self.purged:
            self.erase_all_strays()
            key = self.chance.choice(sorted(self.purged))
            undo_purge(self.harness.catalog, key, by="ops")
            self.purged.discard(key)

    def erase_all_strays(self) -> None:
        finish_erasures(self.harness.catalog, self.harness.store, self.harness.cache)

    def sweep(self) -> None:
        retention = Retention(self.chance.randint(0, 3), timedelta(0))
        harness = self.harness
        foreseen = sweep(harness.catalog, harness.store, harness.cache, retention, dry_run=True)
        done = sweep(harness.catalog, harness.store, harness.cache, retention)
        assert (done.versions, done.revisions, done.chunks, done.vectors, done.kept) == (
            foreseen.versions,
            foreseen.revisions,
            foreseen.chunks,
            foreseen.vectors,
            foreseen.kept,
        )
        assert orphans(harness.catalog, harness.store, harness.cache) == []

    def check(self) -> None:
        numbers = readable_versions(self.harness)
        for number in numbers:
            texts = self.harness.texts(number)
            assert self.shown.setdefault(number, texts) == texts
            assert self.harness.readable("user:ada", number) == [
                text for text in sorted(chain(*texts.values())) if self.may_be_read(text)
            ]
        with self.harness.catalog.read() as session:
            now = promoted(session)
            assert now is None or now.version in numbers

    def may_be_read(self, text: str) -> bool:
        """Not what its source has deleted, once the promoted version is without it: see ``withdraw_deleted``."""
        id = "always" if text.startswith("there") else text[0]
        with self.harness.catalog.read() as session:
            return self.harness.row(f"s/{id}", session).rule_id is not None


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(n, marks=pytest.mark.soak) for n in range(6, 60))]
)
def test_every_version_shows_what_it_was_sealed_with_less_what_was_purged(tmp_path: Path, seed: int) -> None:
    with Harness(tmp_path) as harness:
        life = Life(harness, random.Random(seed))
        acts = [
            *[life.ingest] * 5,
            *[life.promote] * 3,
            life.reject,
            *[life.roll_back] * 2,
            life.purge,
            life.erase,
            life.let_in_again,
            *[life.sweep] * 2,
        ]
        for _ in range(40):
            life.chance.choice(acts)()
            life.check()
        life.ingest()
        life.erase_all_strays()
        life.sweep()
        assert_counts_agree(harness)
        entries(harness)
