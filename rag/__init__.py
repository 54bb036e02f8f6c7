"""The index, and everything that reads it.

>>> from rag import Retriever
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import LockgateError

if TYPE_CHECKING:
    from rag.answering.assistant import Assistant
    from rag.retrieval import Hit, Retriever

__all__ = ["Assistant", "Hit", "LockgateError", "Retriever"]


def __getattr__(name: str) -> object:
    # Late, so that what needs rag.access or rag.errors alone does not load the engine and the database.
    if name in ("Hit", "Retriever"):
        import rag.retrieval

        return getattr(rag.retrieval, name)
    if name == "Assistant":
        import rag.answering.assistant

        return rag.answering.assistant.Assistant
    raise AttributeError(f"module 'rag' has no attribute {name!r}")
