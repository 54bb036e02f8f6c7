"""Short ways to open a catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.catalog import Catalog


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'catalog.sqlite'}"


@contextmanager
def opened(folder: Path) -> Iterator[Catalog]:
    """The catalog of ``folder``, made if it is not there, closed at the end."""
    catalog = Catalog.open(url(folder), migrate=True)
    try:
        yield catalog
    finally:
        catalog.close()
