from dataclasses import replace

import pytest

from evals import fingerprints
from evals.metrics import METRICS


def test_the_fingerprint_is_stable_and_depends_on_the_limit() -> None:
    assert fingerprints.evaluator_fingerprint(10) == fingerprints.evaluator_fingerprint(10)
    assert fingerprints.evaluator_fingerprint(10) != fingerprints.evaluator_fingerprint(20)


def test_another_package_version_is_another_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprints.evaluator_fingerprint(10)
    monkeypatch.setattr(fingerprints, "version", lambda name: "99.0")
    assert fingerprints.evaluator_fingerprint(10) != before


def test_another_definition_of_a_metric_is_another_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprints.evaluator_fingerprint(10)
    changed = {**METRICS, "P@5": replace(METRICS["P@5"], measure="P@6")}
    monkeypatch.setattr(fingerprints, "METRICS", changed)
    assert fingerprints.evaluator_fingerprint(10) != before


def test_another_version_of_our_own_is_another_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprints.evaluator_fingerprint(10)
    monkeypatch.setattr(fingerprints, "EVALUATOR_VERSION", 0)
    assert fingerprints.evaluator_fingerprint(10) != before
