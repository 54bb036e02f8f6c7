"""The terms of a revision's chunks, packed into one value of a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Terms = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]
"""Terms, ascending, and in how many of a revision's chunks each is."""


def pack(chunks: Iterable[Iterable[int]]) -> bytes:
    """The terms of each chunk as one value: all distinct terms, then their counts, 4 bytes each."""
    counts = Counter(term for chunk in chunks for term in set(chunk))
    terms = sorted(counts)
    return np.array([*terms, *(counts[term] for term in terms)], dtype="<u4").tobytes()


def unpack(packed: bytes) -> Terms:
    """What was packed."""
    numbers = np.frombuffer(packed, dtype="<u4")
    half = len(numbers) // 2
    return numbers[:half], numbers[half:]
