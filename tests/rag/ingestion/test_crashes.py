"""A run that dies anywhere, and the next one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.embedding import embed as embed_module
from rag.index import EdgeStore, IndexBuilder, IndexPoint, IndexReader, IndexStore
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, Harness, StoppedError, stop_after
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource


def first_pages() -> MemorySource:
    source = MemorySource()
    for number in range(5):
        source.put(f"p{number}", f"page {number}", *(["user:ada"] if number % 2 else ["public"]))
    return source


def edit(source: MemorySource) -> None:
    """One edited, one deleted, one added, one under another rule, one kept out."""
    source.put("p0", "page 0 revised", "public")
    source.remove("p1")
    source.put("p5", "page 5", "public")
    source.allow("p2", "user:ada")
    source.pages["p3"].problem = "its rule cannot be read"


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_module, "_SLICE", 1)


@pytest.fixture(scope="module")
def uncrashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """What two runs without a crash leave, and what they embedded."""
    source, embedder = first_pages(), WordEmbedder()
    with Harness(tmp_path_factory.mktemp("uncrashed"), embedder=embedder) as harness:
        harness.ingest(source)
        harness.promote()
        edit(source)
        harness.ingest(source)
        return harness.portrait(), sorted(embedder.embedded)


STEPS = ["plan", "batch 1", "batch 2", "begin", "slice", "embed", "build"]


@pytest.mark.parametrize("step", STEPS)
def test_a_first_run_that_dies_is_finished_by_the_next(
    tmp_path: Path, step: str, uncrashed: tuple[dict[str, Any], list[str]]
) -> None:
    source, embedder, store = first_pages(), WordEmbedder(), MemoryStore()
    with Harness(tmp_path, store=store, embedder=embedder) as dying, pytest.raises(StoppedError):
        dying.ingest(source, after=stop_after(step))
    with Harness(tmp_path, store=store, embedder=embedder) as harness:
        harness.ingest(source)
        harness.promote()
        edit(source)
        harness.ingest(source)
        assert harness.portrait() == uncrashed[0]
    assert sorted(embedder.embedded) == uncrashed[1]


@pytest.mark.parametrize("step", STEPS[:2] + STEPS[3:])
def test_a_later_run_that_dies_leaves_what_is_promoted_and_is_finished_by_the_next(
    tmp_path: Path, step: str, uncrashed: tuple[dict[str, Any], list[str]]
) -> None:
    source, embedder, store = first_pages(), WordEmbedder(), MemoryStore()
    with Harness(tmp_path, store=store, embedder=embedder) as dying:
        dying.ingest(source)
        dying.promote()
        edit(source)
        with pytest.raises(StoppedError):
            dying.ingest(source, after=stop_after(step))
        # Rules take effect at once (p3 is kept out); content does not.
        assert dying.readable(ADA) == ["page 0", "page 1", "page 2", "page 4"]
        assert dying.versions()[1] == "promoted"
    with Harness(tmp_path, store=store, embedder=embedder) as harness:
        assert harness.readable(ADA) == ["page 0", "page 1", "page 2", "page 4"]
        harness.ingest(source)
        assert harness.portrait() == uncrashed[0]
        assert harness.readable(ADA) == ["page 0", "page 1", "page 2", "page 4"]
    assert sorted(embedder.embedded) == uncrashed[1]


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_that_dies_between_slices_embeds_nothing_twice(tmp_path: Path, times: int) -> None:
    source, embedder, store = first_pages(), WordEmbedder(), MemoryStore()
    with Harness(tmp_path, store=store, embedder=embedder) as dying, pytest.raises(StoppedError):
        dying.ingest(source, after=stop_after("slice", times))
    assert len(embedder.embedded) == times
    with Harness(tmp_path, store=store, embedder=embedder) as harness:
        harness.ingest(source)
    assert len(embedder.embedded) == len(set(embedder.embedded)) == 5


class DyingStore:
    """A store that dies while it builds: before the first point, after the points, or once it has sealed."""

    def __init__(self, store: IndexStore, at: str) -> None:
        self._store, self._at = store, at
        self.kind = store.kind

    def build(self, version: int, *, dimension: int, base: int | None) -> IndexBuilder:
        return DyingBuilder(self._store.build(version, dimension=dimension, base=base), self._at)

    def open(self, version: int) -> IndexReader:
        return self._store.open(version)

    def verify(self, version: int) -> None:
        self._store.verify(version)

    def sealed(self) -> list[int]:
        return self._store.sealed()

    def drop(self, version: int) -> None:
        self._store.drop(version)

    def erase(self, documents: Collection[int]) -> None:
        self._store.erase(documents)

    def tidy(self) -> list[str]:
        return self._store.tidy()

    def copy_to(self, folder: Path, versions: Collection[int]) -> None:
        self._store.copy_to(folder, versions)

    def load_from(self, folder: Path) -> None:
        self._store.load_from(folder)


class DyingBuilder:
    def __init__(self, builder: IndexBuilder, at: str) -> None:
        self._builder, self._at = builder, at

    def delete(self, ids: Sequence[int]) -> None:
        self._builder.delete(ids)

    def erase(self, documents: Collection[int]) -> None:
        self._builder.erase(documents)

    def upsert(self, points: Iterable[IndexPoint]) -> None:
        if self._at == "begun":
            raise StoppedError(self._at)
        self._builder.upsert(points)
        if self._at == "filled":
            raise StoppedError(self._at)

    def seal(self, *, expected_points: int) -> None:
        self._builder.seal(expected_points=expected_points)
        if self._at == "sealed":
            raise StoppedError(self._at)

    def abandon(self) -> None:
        self._builder.abandon()


@pytest.mark.parametrize("at", ["begun", "filled", "sealed"])
@pytest.mark.parametrize(
    "make",
    [lambda _: MemoryStore(), lambda root: EdgeStore(root / "index")],
    ids=["memory", "edge"],
)
def test_a_build_that_dies_is_finished_by_the_next(
    tmp_path: Path,
    at: str,
    make: Callable[[Path], IndexStore],
    uncrashed: tuple[dict[str, Any], list[str]],
) -> None:
    source, embedder, store = first_pages(), WordEmbedder(), make(tmp_path)
    with Harness(tmp_path, store=store, embedder=embedder) as harness:
        harness.ingest(source)
        harness.promote()
        edit(source)
        harness.store = DyingStore(store, at)
        with pytest.raises(StoppedError):
            harness.ingest(source)
        assert harness.store.sealed() == ([1, 2] if at == "sealed" else [1])
        assert harness.latest == 1
    with Harness(tmp_path, store=store, embedder=embedder) as harness:
        assert harness.readable(ADA) == ["page 0", "page 1", "page 2", "page 4"]
        harness.ingest(source)
        assert harness.portrait() == uncrashed[0]
    assert sorted(embedder.embedded) == uncrashed[1]


def test_what_was_sealed_and_never_recorded_is_not_taken_for_the_version_it_was_not(tmp_path: Path) -> None:
    """Between the two runs the source changed once more: the index left behind would be wrong."""
    source, store = first_pages(), MemoryStore()
    with Harness(tmp_path, store=store) as harness:
        harness.store = DyingStore(store, "sealed")
        with pytest.raises(StoppedError):
            harness.ingest(source)
        harness.store = store
        source.put("p0", "page 0 revised", "public")
        source.remove("p1")
        harness.ingest(source)
        assert harness.versions() == {1: "candidate"}
        assert harness.readable(ADA, 1) == ["page 0 revised", "page 2", "page 3", "page 4"]
        assert store.open(1).points == 4


KILLED = """
import os, signal, sys
from pathlib import Path
from rag.embedding import embed
from rag.index import EdgeStore
from tests.rag.ingestion.test_crashes import DyingStore, edit, first_pages
from tests.support.harness import Harness
root, step = Path(sys.argv[1]), sys.argv[2]
embed._SLICE = 1
def die(done):
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)
source = first_pages()
harness = Harness(root, store=EdgeStore(root / "index"))
harness.ingest(source)
harness.promote()
edit(source)
if step == "sealed":
    import tests.rag.ingestion.test_crashes as module
    module.StoppedError = lambda at: os.kill(os.getpid(), signal.SIGKILL)
    harness.store = DyingStore(harness.store, "sealed")
harness.ingest(source, after=die)
"""


@pytest.mark.parametrize(
    "step",
    [
        "slice",
        "sealed",
        pytest.param("plan", marks=pytest.mark.soak),
        pytest.param("batch 1", marks=pytest.mark.soak),
        pytest.param("embed", marks=pytest.mark.soak),
        pytest.param("build", marks=pytest.mark.soak),
    ],
)
def test_a_process_killed_by_force_is_finished_by_the_next(
    tmp_path: Path, step: str, uncrashed: tuple[dict[str, Any], list[str]]
) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), step], check=False)
    assert ended.returncode == -9
    source = first_pages()
    edit(source)
    embedder = WordEmbedder()
    with Harness(tmp_path, store=EdgeStore(tmp_path / "index"), embedder=embedder) as harness:
        assert harness.readable(ADA) == ["page 0", "page 1", "page 2", "page 4"]
        harness.ingest(source)
        assert harness.portrait() == uncrashed[0]
    assert len(embedder.embedded) == {"plan": 2, "batch 1": 2, "slice": 1}.get(step, 0)
