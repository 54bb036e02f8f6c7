"""What a new version costs when 100 documents change: at 5,000 chunks, and at 50,000."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from qdrant_client import QdrantClient

from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore, ServerOptions
from rag.releases import roll_back
from tests.bench.corpus import DIMENSION, MadeUpProject, build
from tests.support.engine_client import EngineClient

CHUNKS_A_DOCUMENT = 5
CHANGED = 100
"""1 % of the documents of the larger corpus."""
SIZES = (5_000, 50_000)
ROUNDS = 3


class WatchedClient:
    """A client whose calls are counted and timed: what is left is the cost of our own."""

    def __init__(self, client: QdrantClient | EngineClient) -> None:
        self._client = client
        self.seconds = 0.0
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._timed(found) if callable(found) else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            self.requests += 1
            start = time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


class Costs:
    """Seconds, or numbers, of each step, one entry a round; the median of them by name."""

    def __init__(self) -> None:
        self._steps: dict[str, list[float]] = {}

    def add(self, step: str, value: float) -> None:
        self._steps.setdefault(step, []).append(value)

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add(step, time.perf_counter() - start)

    def __getitem__(self, step: str) -> float:
        return median(self._steps[step])


def measure(
    root: Path,
    chunks: int,
    store: IndexStore,
    client: WatchedClient | None,
    settle: Callable[[], None] | None = None,
) -> Costs:
    """Changes ``CHANGED`` documents in each of some rounds, and times every step but the embedding."""
    documents = chunks // CHUNKS_A_DOCUMENT
    project = build(root, documents=documents, chunks=CHUNKS_A_DOCUMENT, rules=50, store=store)
    costs = Costs()
    if settle is not None:
        settle()
    try:
        for round_ in range(ROUNDS):
            project.source.edition, project.source.edited = round_ + 2, CHANGED
            _new_version(project, costs, client)
    finally:
        project.close()
    return costs


def _new_version(project: MadeUpProject, costs: Costs, client: WatchedClient | None) -> None:
    with costs.timing("listing"):
        work = project.list()
    assert len(work) == CHANGED
    with costs.timing("reading"):
        project.read(work)
    project.embed(work)
    with costs.timing("choosing the base"):
        version, base = project.base()
    if client is None:
        with costs.timing("copy"):  # alone, and thrown away; the seal below has one of its own
            project.store.build(version, dimension=DIMENSION, base=base).abandon()
    before = (client.seconds, client.requests) if client else (0.0, 0)
    with costs.timing("sealing"):
        project.seal(version, base)
    if client:
        costs.add("engine", client.seconds - before[0])
        costs.add("requests", client.requests - before[1])
    with costs.timing("promotion"):
        project.promote(version)
    with costs.timing("rollback"), project.catalog.write() as session:
        roll_back(session)
    project.promote(version)


def _report(name: str, small: Costs, large: Costs, *apart: str) -> None:
    """``apart`` are steps that lie within the sealing and are taken out of it."""
    ours = [
        costs["reading"] + costs["sealing"] - sum(costs[step] for step in apart) for costs in (small, large)
    ]
    print(f"  {name}: a new version {ours[1] / ours[0]:.2f} x ({ours[0]:.2f} s, {ours[1]:.2f} s)")
    for step in (*apart, "listing", "choosing the base", "promotion", "rollback"):
        print(f"    {step}: {1000 * small[step]:.1f} ms, {1000 * large[step]:.1f} ms")


def _server(url: str | None) -> None:
    pair = []
    for chunks in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            engine = QdrantClient(url) if url else EngineClient(Path(folder))
            client = WatchedClient(engine)
            prefix = f"bench-{uuid.uuid4().hex[:8]}"
            store = QdrantServerStore(client, prefix=prefix, options=ServerOptions(batch_size=1000))  # type: ignore[arg-type]  # watches a client
            settle = engine.settle if isinstance(engine, EngineClient) else None
            pair.append(measure(Path(folder), chunks, store, client, settle))
            for version in store.sealed():
                store.drop(version)
            store.tidy()
    small, large = pair
    where = "on a server" if url else "on the server's engine in this process"
    _report(f"server store {where}, all of it", small, large)
    for step in ("engine", "requests"):
        print(f"    {step}: {small[step]:.2f}, {large[step]:.2f}")


def _edge() -> None:
    pair = []
    for chunks in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            pair.append(measure(Path(folder), chunks, EdgeStore(Path(folder) / "index"), None))
    small, large = pair
    _report("edge, the copy counted apart", small, large, "copy")


def main() -> None:
    """Prints the ratios."""
    chunks = CHANGED * CHUNKS_A_DOCUMENT
    print(f"cost of change: {CHANGED} documents ({chunks} chunks) of {SIZES[0]} and of {SIZES[1]} chunks")
    _server(os.environ.get("LOCKGATE_TEST_QDRANT_URL"))
    _edge()


if __name__ == "__main__":
    main()
