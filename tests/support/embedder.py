"""An embedder without meaning: for tests about bookkeeping."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from rag.embedding import Vectors


class WordEmbedder:
    """Hashed bag of words, of unit length. A token is a word. Remembers every document text it was given.

    Another ``fingerprint`` is another embedder: its vectors lie elsewhere.

    With ``dies_after`` it raises ``EmbedderDiedError`` instead of embedding once so many calls were answered.
    """

    def __init__(
        self, *, fingerprint: str = "words", dimension: int = 64, dies_after: int | None = None
    ) -> None:
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.window_tokens = 256
        self.dies_after = dies_after
        self.calls: list[list[str]] = []

    @property
    def embedded(self) -> list[str]:
        """Every text that it embedded, in order."""
        return [text for call in self.calls for text in call]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\S+", text)]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.dies_after is not None and len(self.calls) >= self.dies_after:
            raise EmbedderDiedError
        self.calls.append(list(texts))
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = self._vector(text)
        return vectors

    def _vector(self, text: str) -> Vectors:
        vector = np.zeros(self.dimension, dtype=np.float32)
        for word in re.findall(r"\w+", text.lower()):
            salted = word if self.fingerprint == "words" else f"{self.fingerprint} {word}"
            vector[int(hashlib.sha256(salted.encode()).hexdigest(), 16) % self.dimension] += 1
        if not vector.any():
            vector[0] = 1
        unit: Vectors = vector / np.float32(np.linalg.norm(vector))
        return unit


class EmbedderDiedError(Exception):
    """What ``dies_after`` raises."""
