"""Text to sentences, each with its place."""

from __future__ import annotations

from itertools import pairwise

from rag.chunking.splitting import sentence_starts


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans ``[start, end)`` of the sentences of ``text`` that hold a letter or a digit, stripped.

    A line of its own is a sentence too.

    >>> [("One. Two!  Three")[start:end] for start, end in sentences("One. Two!  Three")]
    ['One.', 'Two!', 'Three']
    """
    bounds = [0, *sentence_starts(text, 0, len(text)), len(text)]
    found = []
    for start, end in pairwise(bounds):
        piece = text[start:end]
        if any(character.isalnum() for character in piece):
            left = start + len(piece) - len(piece.lstrip())
            found.append((left, left + len(piece.strip())))
    return found
