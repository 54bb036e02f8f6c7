"""Embedding what the cache does not hold yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from rag.embedding.cache import VectorCache
from rag.embedding.port import Embedder

_SLICE = 64
"""Texts between two commits: what a killed run has to embed again, at most."""


def text_hash(text: str) -> str:
    """SHA-256 of the text, in hex: its key in the cache."""
    return hashlib.sha256(text.encode()).hexdigest()


def embed_missing(
    lengths: Mapping[str, int],
    texts: Callable[[Sequence[str]], Mapping[str, str]],
    *,
    embedder: Embedder,
    cache: VectorCache,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Embeds what is not cached of ``{text hash: length in characters}``; returns how many texts that was.

    ``texts`` gives the texts of some hashes; what is purged in the meantime it no longer gives. They go to the
    model in order of length, longest first, over the whole set: a batch then holds texts of like length and
    little is wasted on padding. Each slice is stored before the next one starts, so that a run that dies loses
    one slice at most.
    """
    embedded = 0
    missing = sorted(cache.missing(lengths), key=lambda hash: (-lengths[hash], hash))
    for start in range(0, len(missing), _SLICE):
        some = missing[start : start + _SLICE]
        found = texts(some)
        still = [hash for hash in some if hash in found]
        if still:
            vectors = embedder.embed_documents([found[hash] for hash in still])
            cache.put(dict(zip(still, vectors, strict=True)))
            embedded += len(still)
        progress(start + len(some), len(missing))
    return embedded
