"""An embedder that looks into a cache first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import CachedEmbedder, VectorCache, Vectors
from tests.support.embedder import WordEmbedder


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    cache = VectorCache(tmp_path / "vectors.sqlite", fingerprint="words")
    yield cache
    cache.close()


def test_a_text_is_embedded_once_and_its_vector_is_the_same_ever_after(cache: VectorCache) -> None:
    inner = WordEmbedder()
    cached = CachedEmbedder(inner, cache)
    first = cached.embed_documents(["one", "two", "one"])
    again = CachedEmbedder(inner, cache).embed_documents(["two", "one"])
    assert sorted(inner.embedded) == ["one", "two"]
    assert np.array_equal(again, first[[1, 0]])
    assert np.array_equal(first, WordEmbedder().embed_documents(["one", "two", "one"]))


def test_a_question_is_not_taken_for_a_document_of_the_same_words(cache: VectorCache) -> None:
    class TwoWays(WordEmbedder):
        def embed_queries(self, texts: Sequence[str]) -> Vectors:
            return np.full((len(texts), 64), 0.5, dtype=np.float32)

        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            return np.full((len(texts), 64), 0.25, dtype=np.float32)

    cached = CachedEmbedder(TwoWays(), cache)
    assert cached.embed_documents(["a"])[0, 0] == 0.25
    assert cached.embed_queries(["a"])[0, 0] == 0.5


def test_no_text_is_no_vector(cache: VectorCache) -> None:
    assert CachedEmbedder(WordEmbedder(), cache).embed_documents([]).shape == (0, 64)


def test_threads_may_share_it(cache: VectorCache) -> None:
    inner = WordEmbedder()
    cached = CachedEmbedder(inner, cache)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: cached.embed_documents([f"text {n % 5}"])[0], range(40)))
    assert len(inner.embedded) == 5
    assert all(np.array_equal(found[n], found[n % 5]) for n in range(40))


def test_what_is_forgotten_is_gone_from_the_file(cache: VectorCache, tmp_path: Path) -> None:
    cached = CachedEmbedder(WordEmbedder(), cache)
    vector = cached.embed_documents(["a secret"])[0].tobytes()
    assert cache.settle()
    assert vector in (tmp_path / "vectors.sqlite").read_bytes()
    assert cache.forget_all()
    assert all(vector not in path.read_bytes() for path in tmp_path.iterdir())
