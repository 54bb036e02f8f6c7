"""The index, and everything that reads it."""

from rag.errors import LockgateError

__all__ = ["LockgateError"]
