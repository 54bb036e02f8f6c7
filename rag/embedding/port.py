"""The port that every embedder fulfils."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Texts to vectors of unit length."""

    @property
    def fingerprint(self) -> str:
        """Digest of model files and settings: equal fingerprints give equal vectors."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def window_tokens(self) -> int:
        """The longest input in tokens, special tokens included."""
        ...

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of every token, without special tokens, never truncated."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """float32 of shape (len(texts), dimension), in the order given."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 of shape (len(texts), dimension), in the order given."""
        ...
