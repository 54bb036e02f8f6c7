"""The packaged weights of the support judge hold what their report says, on answers they were not fitted on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evals.judges.agreement import auroc
from evals.judges.support import SupportJudge, packaged_calibration
from evals.judges.support_features import FEATURES
from rag.embedding import SentenceTransformerEmbedder
from tests.bench import judge as bench
from tests.support.refchecker import REFCHECKER, labelled_answers

needs_data = pytest.mark.skipif(
    not REFCHECKER.is_dir(), reason="RefChecker's annotations are not in ../shared/data"
)


def test_the_packaged_pairs_have_the_auroc_that_is_packaged_with_them() -> None:
    reported = json.loads(bench.PACKAGED.read_text(encoding="utf-8"))["held_out"]
    found = auroc(packaged_calibration().pairs, resamples=1)
    assert found.mean == pytest.approx(reported["auroc"], abs=1e-4)
    assert found.n == reported["answers"]
    assert 0.75 <= reported["low"] <= reported["auroc"] <= reported["high"]


def test_the_bench_counts_as_calibration_does() -> None:
    pairs = [(0.1, False), (0.4, True), (0.4, False), (0.9, True), (0.2, True)]
    scores, labels = np.array([one for one, _ in pairs]), np.array([label for _, label in pairs])
    # of 3 x 2 pairs: 0.4, 0.9 and 0.2 are above 0.1, 0.9 is above 0.4, and 0.4 is a tie
    assert bench.auroc(scores, labels) == auroc(pairs, resamples=1).mean == pytest.approx(4.5 / 6)


def test_the_bench_has_no_auroc_of_one_label() -> None:
    assert np.isnan(bench.auroc(np.array([0.1, 0.2]), np.array([True, True])))


def test_a_fit_gives_no_negative_weight_to_what_misleads() -> None:
    rows = np.random.default_rng(0).uniform(size=(200, len(FEATURES)))
    labels = rows[:, 0] - rows[:, 1] > 0
    weights = dict(zip(FEATURES, bench.fit(rows, labels).of, strict=True))
    assert weights["lexical_min"] > 1 > weights["lexical_mean"] >= 0
    assert weights["numbers_min"] == 2.0


@needs_data
def test_no_question_is_both_fitted_on_and_held_out() -> None:
    sides: dict[str, set[bool]] = {}
    for answer in labelled_answers():
        sides.setdefault(answer.question, set()).add(answer.held_out)
    assert {len(side) for side in sides.values()} == {1}
    assert len(sides) > 280


@needs_data
def test_no_answer_is_held_against_its_own_claims() -> None:
    answers = labelled_answers()
    by_question: dict[tuple[str, str], list[int]] = {}
    for answer in answers:
        by_question.setdefault((answer.setting, answer.question), []).append(len(answer.passages))
    assert len(answers) > 1800
    assert all(count <= 6 for counts in by_question.values() for count in counts)


@needs_data
def test_every_tenth_held_out_answer_scores_as_packaged() -> None:
    held_out = [answer for answer in labelled_answers() if answer.held_out]
    pairs = packaged_calibration().pairs
    assert len(held_out) == len(pairs)
    some = range(0, len(pairs), 10)
    scores = SupportJudge(SentenceTransformerEmbedder()).support(
        [(held_out[place].text, held_out[place].passages) for place in some]
    )
    assert scores == pytest.approx([pairs[place][0] for place in some], abs=2e-3)
    assert [held_out[place].grounded for place in some] == [pairs[place][1] for place in some]


@needs_data
@pytest.mark.soak
def test_the_fit_and_its_auroc_are_reproduced() -> None:
    embedder = SentenceTransformerEmbedder()
    answers = labelled_answers()
    packaged = SupportJudge(embedder)
    weights = bench.fitted(packaged, answers)
    scores, labels, _ = bench.held_out_scores(SupportJudge(embedder, weights), answers)
    reported = json.loads(bench.PACKAGED.read_text(encoding="utf-8"))["held_out"]["auroc"]
    assert bench.auroc(scores, labels) == pytest.approx(reported, abs=0.01)
    assert reported >= 0.75
