import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "evals.baseline.words",
        "evals.golden.words",
        "evals.judges.support_words",
        "evals.metrics.passages",
        "evals.metrics.registry",
        "evals.permutation",
        "evals.reports.escaping",
    ],
)
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0
