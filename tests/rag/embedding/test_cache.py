"""The vector cache, and embedding what it lacks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import VectorCache, Vectors, embed_missing, text_hash
from rag.embedding import cache as cache_module
from rag.embedding import embed as embed_module
from tests.support.embedder import EmbedderDiedError, WordEmbedder

ONE, TWO = np.array([1, 0], dtype=np.float32), np.array([0.6, -0.8], dtype=np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    cache = VectorCache(tmp_path / "deep" / "vectors.sqlite", fingerprint="f")
    yield cache
    cache.close()


def plain(vectors: Mapping[str, Vectors]) -> dict[str, list[float]]:
    return {hash: vector.tolist() for hash, vector in vectors.items()}


def test_what_was_put_comes_back_bit_by_bit(cache: VectorCache) -> None:
    cache.put({"a": ONE, "b": TWO})
    found = cache.get(["b", "a", "b"])
    assert plain(found) == plain({"b": TWO, "a": ONE})
    assert all(vector.dtype == np.float32 for vector in found.values())


def test_missing_gives_each_once_and_in_order(cache: VectorCache) -> None:
    cache.put({"b": ONE})
    assert cache.missing(["c", "b", "a", "c"]) == ["c", "a"]
    assert cache.missing([]) == []


def test_getting_what_is_not_there_names_it(cache: VectorCache) -> None:
    cache.put({"a": ONE})
    with pytest.raises(KeyError, match="zz"):
        cache.get(["a", "zz"])
    assert cache.get([]) == {}


def test_more_texts_than_one_statement_may_name(cache: VectorCache) -> None:
    hashes = [text_hash(str(number)) for number in range(1203)]
    cache.put(dict.fromkeys(hashes[:1200], ONE))
    assert cache.missing(hashes) == hashes[1200:]
    assert cache.get(hashes[:1200]).keys() == set(hashes[:1200])


def test_the_first_vector_of_a_text_stays(cache: VectorCache) -> None:
    cache.put({"a": ONE})
    cache.put({"a": TWO})
    assert plain(cache.get(["a"])) == plain({"a": ONE})


def test_two_embedders_do_not_mix(tmp_path: Path) -> None:
    one = VectorCache(tmp_path / "v.sqlite", fingerprint="one")
    other = VectorCache(tmp_path / "v.sqlite", fingerprint="other")
    one.put({"a": ONE})
    assert other.missing(["a"]) == ["a"]
    other.put({"a": TWO})
    assert plain(one.get(["a"])) == plain({"a": ONE})
    assert plain(other.get(["a"])) == plain({"a": TWO})
    one.close()
    other.close()


def test_vectors_are_there_after_closing_and_in_another_process_before_it(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.sqlite", fingerprint="f")
    cache.put({"a": TWO})
    beside = VectorCache(tmp_path / "v.sqlite", fingerprint="f")
    assert plain(beside.get(["a"])) == plain({"a": TWO})
    beside.close()
    cache.close()
    again = VectorCache(tmp_path / "v.sqlite", fingerprint="f")
    assert plain(again.get(["a"])) == plain({"a": TWO})
    again.close()


def test_a_put_that_fails_stores_nothing(cache: VectorCache) -> None:
    class Bad:
        def astype(self, _: str) -> Vectors:
            raise MemoryError

    broken: Mapping[str, Vectors] = {"a": ONE, "b": Bad()}  # type: ignore[dict-item]
    with pytest.raises(MemoryError):
        cache.put(broken)
    assert cache.missing(["a", "b"]) == ["a", "b"]
    cache.put({"a": ONE})
    assert cache.missing(["a", "b"]) == ["b"]


def lengths_of(texts: Sequence[str]) -> dict[str, int]:
    return {text_hash(text): len(text) for text in texts}


def reader_of(texts: Sequence[str]) -> Callable[[Sequence[str]], Mapping[str, str]]:
    by_hash = {text_hash(text): text for text in texts}
    return lambda hashes: {hash: by_hash[hash] for hash in hashes}


def embed(texts: Sequence[str], embedder: WordEmbedder, cache: VectorCache) -> int:
    return embed_missing(lengths_of(texts), reader_of(texts), embedder=embedder, cache=cache)


def test_every_text_is_embedded_once_and_the_longest_first(cache: VectorCache) -> None:
    embedder = WordEmbedder()
    texts = ["mid size", "a", "the longest of all", "mid size"]
    assert embed(texts, embedder, cache) == 3
    assert embedder.embedded == ["the longest of all", "mid size", "a"]
    assert embed([*texts, "new"], embedder, cache) == 1
    assert embedder.embedded[3:] == ["new"]
    assert embed(texts, embedder, cache) == 0
    expected = {text_hash(text): embedder.embed_queries([text])[0] for text in texts}
    assert plain(cache.get(list(expected))) == plain(expected)


def test_nothing_to_embed_asks_nobody(cache: VectorCache) -> None:
    embedder = WordEmbedder()
    assert embed([], embedder, cache) == 0
    assert embedder.calls == []


def test_an_embedder_that_dies_midway_is_resumed_without_embedding_twice(
    cache: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_module, "_SLICE", 3)
    texts = [f"{'long ' * number}text {number}" for number in range(10)]
    dying = WordEmbedder(dies_after=2)
    with pytest.raises(EmbedderDiedError):
        embed(texts, dying, cache)
    assert len(dying.embedded) == 6
    assert len(cache.missing(lengths_of(texts))) == 4
    next_one = WordEmbedder()
    assert embed(texts, next_one, cache) == 4
    assert sorted(dying.embedded + next_one.embedded) == sorted(texts)


def test_progress_counts_up_to_all(cache: VectorCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_module, "_SLICE", 2)
    texts, seen = ["a", "b", "c", "d", "e"], list[tuple[int, int]]()
    embed_missing(
        lengths_of(texts),
        reader_of(texts),
        embedder=WordEmbedder(),
        cache=cache,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(2, 5), (4, 5), (5, 5)]


def all_stored(cache: VectorCache) -> list[str]:
    return [hash for hashes in cache.stored() for hash in hashes]


def test_what_is_forgotten_is_missing_for_every_embedder(tmp_path: Path) -> None:
    one = VectorCache(tmp_path / "v.sqlite", fingerprint="one")
    other = VectorCache(tmp_path / "v.sqlite", fingerprint="other")
    one.put({"a": ONE, "b": ONE})
    other.put({"a": TWO, "c": TWO})
    assert one.forget(["a", "zz"]) == 2
    assert one.missing(["a", "b"]) == ["a"]
    assert other.missing(["a", "c"]) == ["a"]
    assert one.forget([]) == 0
    assert one.forget(["a"]) == 0
    one.close()
    other.close()


def test_all_that_is_stored_comes_in_batches_of_every_embedder(tmp_path: Path) -> None:
    one = VectorCache(tmp_path / "v.sqlite", fingerprint="one")
    other = VectorCache(tmp_path / "v.sqlite", fingerprint="other")
    assert list(one.stored()) == []
    hashes = [text_hash(str(number)) for number in range(1203)]
    one.put(dict.fromkeys(hashes, ONE))
    other.put({"a": TWO, hashes[0]: TWO})
    assert sorted(all_stored(one)) == sorted([*hashes, hashes[0], "a"])
    assert max(map(len, one.stored())) <= 500
    one.close()
    other.close()


def test_forgetting_between_two_batches_skips_none(cache: VectorCache) -> None:
    hashes = [text_hash(str(number)) for number in range(1203)]
    cache.put(dict.fromkeys(hashes, ONE))
    seen = list[str]()
    for some in cache.stored():
        seen += some
        assert cache.forget(some) == len(some)
    assert sorted(seen) == sorted(hashes)
    assert all_stored(cache) == []


def test_no_byte_of_what_was_forgotten_is_left(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    vectors = {text_hash(str(n)): random.standard_normal(64).astype(np.float32) for n in range(3000)}
    cache = VectorCache(tmp_path / "v.sqlite", fingerprint="f")
    gone = sorted(vectors)[::3]
    for hash, vector in vectors.items():
        cache.put({hash: vector})
    cache.forget(gone)
    assert cache.scrub()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [hash for hash in gone if vectors[hash][:4].tobytes() in data or hash.encode() in data]
    kept = {hash: vector for hash, vector in vectors.items() if hash not in set(gone)}
    assert plain(cache.get(list(kept))) == plain(kept)
    cache.close()


def test_scrubbing_waits_for_a_reader_and_says_that_it_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_BUSY_SECONDS", 0.1)
    cache = VectorCache(tmp_path / "v.sqlite", fingerprint="f")
    cache.put({"a": ONE})
    reader = sqlite3.connect(tmp_path / "v.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM vector").fetchone() == (1,)
    cache.forget(["a"])
    assert not cache.settle()
    assert not cache.scrub()
    reader.execute("COMMIT")
    reader.close()
    assert cache.scrub()
    cache.close()
