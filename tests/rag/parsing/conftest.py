from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.parsing import Parser


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    """One parser for all tests, since its process takes seconds to load its libraries."""
    with Parser() as parser:
        yield parser
