"""Erasing what was purged from index and vector cache: whenever it was purged, and wherever we were killed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rag.catalog.engines as engines_module
import rag.embedding.cache as cache_module
from rag.catalog.tables import Version
from rag.embedding import Vectors, text_hash
from rag.embedding import embed as embed_module
from rag.errors import IndexStoreError
from rag.index import EdgeStore
from rag.maintenance import finish_erasures, purge
from tests.rag.maintenance.looking import assert_counts_agree, pending, roll_back_to, vectors
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, BOB, Harness, StoppedError
from tests.support.memory_store import MemoryStore
from tests.support.orphans import orphans
from tests.support.source import MemorySource
from tests.support.stores import STORES

STEPS = ["plan", "batch 1", "batch 2", "begin", "slice", "embed", "build"]


def finish(harness: Harness) -> int:
    return finish_erasures(harness.catalog, harness.store, harness.cache)


def during() -> list[object]:
    """Every step on the store in memory; on the others, which need seconds, the last ones or for a soak."""
    return [
        pytest.param(kind, step, marks=[] if kind == "memory" or step == "embed" else pytest.mark.soak)
        for kind in STORES
        for step in STEPS
    ]


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
@pytest.mark.parametrize(("kind", "step"), during())
@pytest.mark.parametrize("published", [True, False], ids=["published", "new"])
def test_purged_while_an_ingest_runs_it_is_not_in_what_the_ingest_makes(
    tmp_path: Path,
    source: MemorySource,
    kind: str,
    step: str,
    published: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed_module, "_SLICE", 1)
    with Harness(tmp_path, store=STORES[kind](tmp_path)) as harness:
        if published:
            harness.ingest(source)
            harness.promote()
            for id in "abc":
                source.put(id, f"{source.pages[id].text} revised", "public")
        purged: list[bool] = []

        def purge_at(done: str) -> None:
            if done == step and not purged:
                # Before its first batch a new document is not known yet, and there is nothing to purge.
                purged.append(published or step != "plan")
                if purged[0]:
                    assert purge(harness.catalog, "s/a", by="ops")
                    assert not published or "alpha text" not in harness.readable(ADA, 1)

        harness.ingest(source, after=purge_at)
        if not purged[0]:
            purge(harness.catalog, "s/a", by="ops")
        latest = harness.latest
        assert latest is not None
        harness.promote(latest)
        expected = harness.readable(BOB)
        assert len(expected) == 2
        assert "alpha" not in str([harness.readable(who) for who in (ADA, BOB)])
        assert finish(harness) == 1
        assert finish(harness) == 0
        assert orphans(harness.catalog, harness.store, harness.cache) == []
        assert_counts_agree(harness)
        assert harness.readable(BOB) == expected
        harness.ingest(source)
        assert harness.latest == latest
        if published:
            roll_back_to(harness, 1)
            assert harness.readable(ADA) == ["beta text", "gamma text"]  # the rules are those of now


def test_an_ingest_that_comes_before_the_erasure_leaves_it_out_of_the_copy(
    anywhere: Harness, source: MemorySource
) -> None:
    anywhere.ingest(source)
    purge(anywhere.catalog, "s/a", by="ops")
    source.put("d", "delta text", "public")
    anywhere.ingest(source)
    assert anywhere.readable(ADA, 2) == ["delta text", "gamma text"]
    assert finish(anywhere) == 1
    assert_counts_agree(anywhere)


def test_a_vector_stays_while_another_document_has_its_text(harness: Harness) -> None:
    source = MemorySource()
    shared, own, other = (" ".join([word] * 30) for word in ("shared", "own", "other"))
    source.put("a", f"{shared}\n\n{own}", "public", title="t")
    source.put("b", f"{shared}\n\n{other}", "public", title="t")
    harness.ingest(source)
    assert len(vectors(harness)) == 3
    purge(harness.catalog, "s/a", by="ops")
    finish(harness)
    kept = {text_hash(f"t\n{shared}"), text_hash(f"t\n{other}")}
    assert set(vectors(harness)) == kept


def test_the_vectors_of_every_embedder_go(tmp_path: Path, source: MemorySource) -> None:
    store = STORES["memory"](tmp_path)
    for fingerprint in ("words", "other words"):
        with Harness(tmp_path, store=store, embedder=WordEmbedder(fingerprint=fingerprint)) as harness:
            harness.ingest(source)
    with Harness(tmp_path, store=store) as harness:
        assert len(vectors(harness)) == 6
        purge(harness.catalog, "s/a", by="ops")
        finish(harness)
        assert len(vectors(harness)) == 4
        assert_counts_agree(harness)


def test_what_a_dead_run_embedded_of_it_goes_too(harness: Harness, source: MemorySource) -> None:
    def die(done: str) -> None:
        if done == "embed":
            raise StoppedError

    with pytest.raises(StoppedError):
        harness.ingest(source, after=die)
    source.put("a", "alpha text revised", "user:ada")
    harness.ingest(source)  # the chunk of the first text is gone without a trace; its vector is not
    assert len(vectors(harness)) == 4
    purge(harness.catalog, "s/a", by="ops")
    finish(harness)
    assert len(vectors(harness)) == 2


def test_nothing_purged_is_nothing_to_do(harness: Harness, source: MemorySource) -> None:
    assert finish(harness) == 0
    harness.ingest(source)
    assert finish(harness) == 0


def test_a_version_says_what_it_holds_now(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    with harness.catalog.read() as session:
        before = session.get_one(Version, 1)
    purge(harness.catalog, "s/a", by="ops")
    finish(harness)
    with harness.catalog.read() as session:
        after = session.get_one(Version, 1)
    assert (before.documents, before.chunks) == (3, 3)
    assert (after.documents, after.chunks) == (2, 2)
    assert after.corpus != before.corpus


STAGES = ["remove_vectors", "_recount", "scrub", "settle"]


@pytest.mark.parametrize("stage", [*STAGES, "erase", "tidy"])
@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
def test_killed_anywhere_it_is_finished_by_the_next(
    tmp_path: Path, source: MemorySource, stage: str, done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        harness.promote()
        purge(harness.catalog, "s/a", by="ops")
        owner = store if stage in ("erase", "tidy") else sys.modules[purge.__module__]
        real = getattr(owner, stage)

        def dies(*args: object) -> object:
            if done:
                real(*args)
            raise StoppedError(stage)

        with monkeypatch.context() as patched:
            patched.setattr(owner, stage, dies)
            with pytest.raises(StoppedError):
                finish(harness)
        assert harness.readable(ADA) == ["gamma text"]
        # The very last of it, emptying the catalog's log, comes when all is done and written down.
        assert finish(harness) == (0 if stage == "settle" else 1)
        assert pending(harness) == 0
        assert harness.readable(ADA) == ["gamma text"]
        assert orphans(harness.catalog, harness.store, harness.cache) == []
        assert_counts_agree(harness)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines_module, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(cache_module, "_BUSY_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_reader_that_keeps_old_pages_is_waited_for(tmp_path: Path, source: MemorySource) -> None:
    with Harness(tmp_path) as harness:
        harness.ingest(source)
        with Harness(tmp_path, store=harness.store) as reader, reader.catalog.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM chunk").scalar() == 3
            purge(harness.catalog, "s/a", by="ops")
            assert finish(harness) == 0
            assert pending(harness) == 1
            assert connection.exec_driver_sql("SELECT count(*) FROM chunk").scalar() == 3
        assert harness.readable(ADA, 1) == ["gamma text"]
        assert finish(harness) == 1
        assert pending(harness) == 0
        assert not found(tmp_path, [b"alpha text"])


def test_a_version_that_cannot_be_rewritten_stops_nothing_else(tmp_path: Path, source: MemorySource) -> None:
    store = EdgeStore(tmp_path / "index")
    with Harness(tmp_path, store=store) as harness:
        harness.ingest(source)
        source.put("d", "delta text", "public")
        harness.ingest(source)
        harness.promote()
        (store.root / "00000001" / "lockgate-seal.json").write_text("{", encoding="utf-8")
        purge(harness.catalog, "s/a", by="ops")
        with pytest.raises(IndexStoreError):
            finish(harness)
        assert pending(harness) == 1
        assert not found(tmp_path, [b"alpha text"])
        assert harness.readable(ADA) == ["delta text", "gamma text"]
        store.drop(1)
        assert finish(harness) == 1


class SecretEmbedder(WordEmbedder):
    """Each text its own vector, of numbers that occur nowhere else."""

    def _vector(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        unit: Vectors = vector / np.float32(np.linalg.norm(vector))
        return unit


SECRETS = [f"zyzzyva{number:04d}quokka" for number in range(60)]
"""One word for each paragraph of the document, besides those of its title and its address."""


def hidden_paper(source: MemorySource, words: list[str]) -> None:
    paragraphs = [f"{word} is told here, and of nothing else but {word}" for word in words]
    source.put(
        "paper", "\n\n".join(paragraphs), "user:ada", title="Xylophonist", uri="https://hidden.example/Wombat"
    )


def needles(texts: list[str], embedder: SecretEmbedder) -> list[bytes]:
    """The words, and four numbers in a row of every sixteen in the vectors."""
    words = [word.encode() for word in [*SECRETS, "Xylophonist", "hidden.example", "Wombat"]]
    numbers = embedder.embed_queries(texts).astype("<f4")
    return words + [row[start : start + 4].tobytes() for row in numbers for start in range(0, row.size, 16)]


def written(data: bytes) -> bytes:
    """Without pages of nothing: the engine's files are mostly holes."""
    pages = (data[start : start + 4096] for start in range(0, len(data), 4096))
    return b"".join(page for page in pages if page.strip(b"\0"))


def found(root: Path, needles: list[bytes]) -> dict[str, int]:
    """``{file: how many of the needles are in it}``, of every file below ``root`` that has any."""
    counts = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            data = written(path.read_bytes())
            if count := sum(needle in data for needle in needles):
                counts[path.relative_to(root).as_posix()] = count
    return counts


def versions_with_it(harness: Harness, source: MemorySource) -> Iterator[list[str]]:
    """Five versions: others only, the document, changed, gone, back in another form. Yields its texts."""
    for number in range(40):
        source.put(f"other{number}", f"other text number {number}", "public")
    harness.ingest(source)
    harness.promote()
    for words in (SECRETS[:40], SECRETS[20:], None, SECRETS[::3]):
        if words is None:
            source.remove("paper")
        else:
            hidden_paper(source, words)
        source.put("other1", f"other text number {words}"[:60].replace("zyzzyva", ""), "public")
        harness.ingest(source)
        latest = harness.latest
        assert latest is not None
        yield [f"Xylophonist\n{text}" for text in harness.texts(latest).get("s/paper", [])]


def test_no_byte_of_it_is_left_in_any_file(tmp_path: Path) -> None:
    source, embedder = MemorySource(), SecretEmbedder()
    with Harness(tmp_path, store=EdgeStore(tmp_path / "index"), embedder=embedder) as harness:
        texts = sorted({text for some in versions_with_it(harness, source) for text in some})
        looked_for = needles(texts, embedder)
        assert len(texts) > 20
        retriever = harness.retriever()
        assert retriever.search(SECRETS[0], principal=ADA, version=2)[0].document == "s/paper"
        before = found(tmp_path, looked_for)
        assert {path.partition("/")[0] for path in before} >= {"index", "vectors.sqlite-wal"}
        assert any(path.startswith("catalog.sqlite") for path in before)
        assert purge(harness.catalog, "s/paper", by="ops")
        assert finish(harness) == 1
        # With the files open, and readers that go on.
        assert found(tmp_path, looked_for) == {}
        for version in harness.store.sealed():
            hits = retriever.search(SECRETS[0], principal=ADA, version=version, limit=100)
            assert "s/paper" not in {hit.document for hit in hits}
        source.put("other2", "other text revised", "public")
        harness.ingest(source)
        assert harness.documents()["s/paper"][0] == "purged"
        assert_counts_agree(harness)
    assert found(tmp_path, looked_for) == {}


def test_ids_of_a_purged_document_are_given_to_no_other(harness: Harness, source: MemorySource) -> None:
    def ids() -> set[int]:
        with harness.catalog.connect() as connection:
            return set(connection.exec_driver_sql("SELECT id FROM chunk").scalars())

    harness.ingest(source)
    purge(harness.catalog, "s/c", by="ops")  # the last chunk there is
    before = ids()
    finish(harness)  # which writes the whole catalog anew
    assert ids() == before
    source.put("d", "delta text", "public")
    harness.ingest(source)
    assert min(ids() - before) > 3


def test_each_document_counts(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    for key in ("s/a", "s/b"):
        purge(harness.catalog, key, by=None)
    assert finish(harness) == 2
    assert harness.readable(BOB, 1) == ["gamma text"]
