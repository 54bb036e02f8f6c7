"""What a new version costs when 100 documents change: at 5,000 chunks, and at 50,000."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from qdrant_client import QdrantClient

from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore, ServerOptions
from rag.releases import roll_back
from tests.bench.corpus import MadeUpProject, build

CHUNKS_A_DOCUMENT = 5
CHANGED = 100
"""1 % of the documents of the larger corpus."""
SIZES = (5_000, 50_000)
ROUNDS = 3


@dataclass
class Costs:
    """Seconds of each step, one entry a round."""

    steps: dict[str, list[float]] = field(default_factory=dict)

    def time(self, step: str, work: Callable[[], object]) -> object:
        start = time.perf_counter()
        done = work()
        self.steps.setdefault(step, []).append(time.perf_counter() - start)
        return done

    def __getitem__(self, step: str) -> float:
        return median(self.steps[step])

    @property
    def version(self) -> float:
        """Reading what changed, writing it to the index and sealing: all that is not the copy or the listing."""
        return self["read"] + self["seal"]


def measure(root: Path, chunks: int, store: IndexStore) -> Costs:
    """Changes ``CHANGED`` documents in each of some rounds, and times every step but the embedding."""
    project = build(
        root, documents=chunks // CHUNKS_A_DOCUMENT, chunks=CHUNKS_A_DOCUMENT, rules=50, store=store
    )
    costs = Costs()
    try:
        for round_ in range(ROUNDS):
            project.source.edition, project.source.edited = round_ + 2, CHANGED
            _new_version(project, costs)
    finally:
        project.close()
    return costs


def _new_version(project: MadeUpProject, costs: Costs) -> None:
    start = time.perf_counter()
    work = project.list()
    costs.steps.setdefault("list", []).append(time.perf_counter() - start)
    assert len(work) == CHANGED
    costs.time("read", lambda: project.read(work))
    project.embed(work)
    start = time.perf_counter()
    version, base = project.base()
    costs.steps.setdefault("base", []).append(time.perf_counter() - start)
    if isinstance(project.store, EdgeStore):
        costs.time("copy", lambda: _copy(project.store, version, base))
    costs.time("seal", lambda: project.seal(version, base))
    costs.time("promote", lambda: project.promote(version))
    costs.time("rollback", lambda: _back(project))
    project.promote(version)


def _copy(store: IndexStore, version: int, base: int | None) -> None:
    """The copy alone, as ``build`` begins with; it is thrown away."""
    store.build(version, dimension=384, base=base).abandon()


def _back(project: MadeUpProject) -> None:
    with project.catalog.write() as session:
        roll_back(session)


def main() -> None:
    """Prints the ratios."""
    print(
        f"cost of change: {CHANGED} documents ({CHANGED * CHUNKS_A_DOCUMENT} chunks) of {SIZES[0]} and of {SIZES[1]} chunks"
    )
    for name, make in (
        (
            "server",
            lambda _root: QdrantServerStore(
                QdrantClient(":memory:"), prefix="bench", options=ServerOptions()
            ),
        ),
        ("edge", lambda root: EdgeStore(root / "index")),
    ):
        found = []
        for chunks in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                found.append(measure(Path(folder), chunks, make(Path(folder))))
        small, large = found
        copy = (small["copy"], large["copy"]) if "copy" in small.steps else (0.0, 0.0)
        ratio = (large.version - copy[1]) / (small.version - copy[0])
        print(
            f"  {name}: a new version {ratio:.2f} x ({small.version - copy[0]:.2f} s, {large.version - copy[1]:.2f} s)"
        )
        for step in ("list", "base", "copy", "promote", "rollback"):
            if step in small.steps:
                print(f"    {step}: {1000 * small[step]:.1f} ms, {1000 * large[step]:.1f} ms")


if __name__ == "__main__":
    main()
