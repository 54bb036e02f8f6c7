"""Random corpora, groups, rules and questions: every search gives what the oracle gives, on every store."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.support.memory_store import MemoryStore
from tests.support.stores import STORES
from tests.support.world import WORDS, World, world_harness

STEPS = 4
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


def live(root: Path, kind: str, seed: int, searches: int) -> None:
    """A life of ``STEPS`` steps, with ``searches`` spread over it, the half of them at its end."""
    with world_harness(root, STORES[kind](root)) as harness:
        world = World(harness, random.Random(seed))
        for step in range(STEPS + 1):
            for number in range(searches // 2 if step == STEPS else searches // (2 * STEPS)):
                verdict = world.ask()
                assert verdict.fine, f"{kind}, seed {seed}, step {step}, search {number}: {verdict}"
            if step < STEPS:
                world.step()
    shutil.rmtree(root)  # a hundred lives would fill a disk


def test_the_words_of_the_tests_are_as_different_to_the_product_as_to_the_oracle(tmp_path: Path) -> None:
    with world_harness(tmp_path, MemoryStore()) as harness:
        terms = [harness.bm25.query(word).indices for word in WORDS]
    assert len(set(terms)) == len(WORDS)
    assert all(len(each) == 1 for each in terms)


@pytest.mark.parametrize(
    ("kind", "seed", "searches"),
    [("memory", 1, 300), ("memory", 2, 300), ("edge", 4, 300), ("engine", 5, 200)],
)
def test_a_search_gives_the_best_of_what_may_be_read(
    tmp_path: Path, kind: str, seed: int, searches: int
) -> None:
    live(tmp_path, kind, seed, searches)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
def test_a_hundred_thousand_searches_give_the_best_of_what_may_be_read(tmp_path: Path, seed: int) -> None:
    live(tmp_path, "edge", seed, 2500)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 210))
def test_ten_thousand_searches_on_the_server_store_do_too(tmp_path: Path, seed: int) -> None:
    live(tmp_path, "engine", seed, 1000)
