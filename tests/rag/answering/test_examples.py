import doctest
import importlib

import pytest

MODULES = ("links", "prompts", "untrusted")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"rag.answering.{name}"))

    assert found.attempted > 0
    assert found.failed == 0
