"""Any sequence of what people do, on every store: everybody reads exactly what the model says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from qdrant_client import QdrantClient

from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore
from tests.support.machine import Machine
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
SEQUENCES = int(os.environ.get("LOCKGATE_SEQUENCES", "2000"))
SEED = int(os.environ.get("LOCKGATE_SEED", "0"))


class OnEdge(Machine):
    thorough = False

    def new_store(self, folder: Path) -> IndexStore:
        return EdgeStore(folder / "index")


class OnAServer(Machine):
    thorough = False

    def new_store(self, folder: Path) -> IndexStore:
        return QdrantServerStore(QdrantClient(":memory:"), prefix="lockgate-test")


class InMemory(Machine):
    def new_store(self, folder: Path) -> IndexStore:
        return MemoryStore()


def quickly(sequences: int) -> settings:
    """The same sequences every time."""
    return settings(
        max_examples=sequences,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize(("machine", "sequences"), [(OnEdge, 8), (OnAServer, 12), (InMemory, 20)])
def test_everybody_reads_what_the_model_says(machine: type[Machine], sequences: int) -> None:
    run_state_machine_as_test(machine, settings=quickly(sequences))


@pytest.mark.soak
@pytest.mark.parametrize("machine", [OnEdge, OnAServer, InMemory])
def test_everybody_reads_what_the_model_says_for_long(machine: type[Machine]) -> None:
    """``LOCKGATE_SEQUENCES`` of them; processes with another ``LOCKGATE_SEED`` each go through others."""
    many = settings(
        max_examples=SEQUENCES,
        stateful_step_count=50,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED)(machine), settings=many)
