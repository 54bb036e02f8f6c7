"""Calibrations in the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from evals.judges import store
from evals.judges.calibration import Calibration, from_scores
from evals.judges.port import Case, JudgeFailure, Judgement
from rag.answering.port import Usage
from rag.catalog import Catalog
from rag.catalog.tables import CalibrationRow
from rag.errors import EvaluationError
from tests.rag.catalog.opening import opened

pytestmark = pytest.mark.usefixtures("either_catalog")


class Named:
    """A judge by name."""

    metrics = ("Faithfulness",)

    def __init__(self, name: str, fingerprint: str) -> None:
        self.name, self.fingerprint = name, fingerprint

    def judge(self, cases: Sequence[Case]) -> list[Judgement | JudgeFailure]:
        raise AssertionError("nobody asks it")


def calibrated(
    judge: str = "llm", fingerprint: str = "f1", scores: Sequence[float | None] = (0.9, 0.1, None, 0.4)
) -> Calibration:
    return from_scores(
        Named(judge, fingerprint),
        "labels",
        scores,
        [True, False, True, False],
        usage=Usage(8, 1000, 50, 0.25),
        resamples=100,
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with opened(tmp_path) as catalog:
        yield catalog


def saved(catalog: Catalog, *calibrations: Calibration) -> None:
    for one in calibrations:
        with catalog.write() as session:
            store.save(session, one)


def latest(catalog: Catalog, judge: str = "llm", fingerprint: str = "f1") -> Calibration | None:
    with catalog.read() as session:
        return store.latest(session, judge, fingerprint)


def test_a_judge_that_was_never_calibrated_has_none(catalog: Catalog) -> None:
    assert latest(catalog) is None


def test_a_calibration_comes_back_as_it_was_with_failures_and_costs(catalog: Catalog) -> None:
    calibration = calibrated()
    saved(catalog, calibration)
    assert latest(catalog) == calibration
    assert (calibration.failed, calibration.usage.cost) == ((2,), 0.25)


def test_the_last_one_of_a_judge_counts(catalog: Catalog) -> None:
    newer = calibrated(scores=[0.8, 0.2, 0.7, 0.3])
    saved(catalog, calibrated(), newer)
    assert latest(catalog) == newer


def test_its_own_fingerprint_goes_before_a_later_one_of_its_name(catalog: Catalog) -> None:
    own = calibrated()
    saved(catalog, own, calibrated(fingerprint="f2"))
    assert latest(catalog) == own


def test_a_judge_that_changed_is_told_what_it_was(catalog: Catalog) -> None:
    before, last = calibrated(fingerprint="f0"), calibrated(fingerprint="f2")
    saved(catalog, before, last)
    assert latest(catalog, fingerprint="f3") == last


def test_another_judges_calibration_is_never_given(catalog: Catalog) -> None:
    saved(catalog, calibrated("support", "f1"))
    assert latest(catalog, "llm", "f1") is None


def test_a_row_that_is_no_calibration_any_more_is_an_error_that_names_the_place(catalog: Catalog) -> None:
    calibration = calibrated()
    saved(catalog, calibration)
    broken = {**calibration.to_dict(), "kappa": "high"}
    with catalog.write() as session:
        session.execute(update(CalibrationRow).values(calibration=broken))
    with pytest.raises(EvaluationError, match="kappa"):
        latest(catalog)


def test_two_judges_of_one_name_keep_theirs(catalog: Catalog) -> None:
    one, other = calibrated(fingerprint="f1"), replace(calibrated(fingerprint="f2"), kappa=0.5)
    saved(catalog, one, other)
    assert (latest(catalog, fingerprint="f1"), latest(catalog, fingerprint="f2")) == (one, other)
