"""Fits the support judge on RefChecker's labelled answers and reports how well it tells grounded from ungrounded.

``python -m tests.bench.judge [--write]``: with ``--write`` the fit becomes ``evals/judges/support.json``.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.judges import support
from evals.judges.support import SupportJudge, Weights
from evals.judges.support_features import FEATURES
from rag.embedding import SentenceTransformerEmbedder
from tests.bench.judge_passages import MadeAnswer, handbook_passages, made_answers, scifact_passages
from tests.support.refchecker import SPLIT_RULE, LabelledAnswer, labelled_answers

PACKAGED = Path(support.__file__).with_name("support.json")
DATA = "RefChecker, held-out answers against what people found entailed in other models' answers"
_RESAMPLES = 2000
_MADE = 150  # passages of each kind that answers are made for
_RIDGE = 0.03
_PRIOR = 1.0
_NUMBERS = 2.0

Numbers = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Separation:
    """AUROC with the ends of its 95 % bootstrap interval; whole questions are drawn."""

    auroc: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.auroc:.3f} (95 % interval {self.low:.3f} to {self.high:.3f})"


def auroc(scores: Numbers, labels: Labels) -> float:
    """The chance that a grounded answer scores above an ungrounded one, ties counting half; nan without both."""
    _, place = np.unique(scores, return_inverse=True)
    good, bad = (np.bincount(place[which], minlength=place.max() + 1) for which in (labels, ~labels))
    below = np.cumsum(bad) - bad
    pairs = good.sum() * bad.sum()
    return float(good @ (below + bad / 2) / pairs) if pairs else float("nan")


def separation(scores: Numbers, labels: Labels, questions: Sequence[str]) -> Separation:
    by_question: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        by_question.setdefault(question, []).append(place)
    groups = [np.array(places) for places in by_question.values()]
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES):
        places = np.concatenate([groups[one] for one in generator.integers(0, len(groups), len(groups))])
        drawn.append(auroc(scores[places], labels[places]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Separation(auroc(scores, labels), float(low), float(high))


def fit(rows: Numbers, labels: Labels) -> Weights:
    """Logistic regression without negative weights, with a ridge around equal weights.

    Around equal weights, as the stand-in for the reference differs from the passages of a real answer; features
    that it makes look useless must not be lost (Dawes, The robust beauty of improper linear models, American
    Psychologist 34, 1979). The weight of numbers is set, not fitted: the stand-in lacks many of the reference.
    """
    from scipy.optimize import minimize

    numbers = FEATURES.index("numbers_min")
    bounds: list[tuple[float | None, float | None]] = [(None, None)] + [(0.0, None)] * len(FEATURES)
    bounds[1 + numbers] = (_NUMBERS, _NUMBERS)
    truth = labels.astype(float)

    def loss(point: Numbers) -> tuple[float, Numbers]:
        logits = point[0] + rows @ point[1:]
        off = point[1:] - _PRIOR
        excess = 1 / (1 + np.exp(-logits)) - truth
        value = np.mean(np.logaddexp(0, logits) - truth * logits) + _RIDGE * (off @ off) / 2
        return float(value), np.r_[excess.mean(), rows.T @ excess / len(rows) + _RIDGE * off]

    start = np.r_[0.0, np.full(len(FEATURES), _PRIOR)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Weights(round(float(found[0]), 3), tuple(round(float(one), 3) for one in found[1:]))


def calibration_error(scores: Numbers, labels: Labels, bins: int = 10) -> float:
    """Expected calibration error over bins of equal size (Naeini et al., AAAI 2015)."""
    parts = np.array_split(np.argsort(scores, kind="stable"), bins)
    return float(
        sum(len(part) * abs(scores[part].mean() - labels[part].mean()) for part in parts) / len(scores)
    )


def fitted(judge: SupportJudge, answers: Sequence[LabelledAnswer]) -> Weights:
    used = [answer for answer in answers if not answer.held_out]
    rows = judge.measure([(answer.text, answer.passages) for answer in used])
    return fit(rows, np.array([answer.grounded for answer in used]))


def held_out_scores(
    judge: SupportJudge, answers: Sequence[LabelledAnswer]
) -> tuple[Numbers, Labels, list[str]]:
    """Scores, labels and questions of the held-out answers."""
    held_out = [answer for answer in answers if answer.held_out]
    scores = judge.support([(answer.text, answer.passages) for answer in held_out])
    return np.array(scores), np.array([one.grounded for one in held_out]), [one.question for one in held_out]


def main(write: bool = False) -> None:
    embedder = SentenceTransformerEmbedder()
    answers = labelled_answers()
    if not answers:
        sys.exit("RefChecker's annotations are not at ../shared/data/refchecker")
    unfitted = SupportJudge(embedder, Weights(0.0, (0.0,) * len(FEATURES)))
    weights = fitted(unfitted, answers)
    judge = SupportJudge(embedder, weights)
    scores, labels, questions = held_out_scores(judge, answers)
    whole = separation(scores, labels, questions)
    sizes = Counter(answer.held_out for answer in answers)
    print(f"{len(answers)} answers: {sizes[False]} to fit on, {sizes[True]} held out ({SPLIT_RULE})")
    for name, value in zip(["intercept", *FEATURES], [weights.intercept, *weights.of], strict=True):
        print(f"  {name:<15}{value:>8.3f}")
    print(f"AUROC of held-out answers, {labels.mean():.0%} grounded: {whole}")
    least = unfitted.measure([(one.text, one.passages) for one in answers if one.held_out])[:, 0]
    print(f"  {FEATURES[0]} alone {separation(least, labels, questions)}")
    print(f"  expected calibration error {calibration_error(scores, labels):.3f}")
    settings = np.array([answer.setting for answer in answers if answer.held_out])
    for setting in sorted(set(settings)):
        of = np.flatnonzero(settings == setting)
        each = separation(scores[of], labels[of], [questions[place] for place in of])
        print(f"  {setting:<17}{len(of):>5} answers, {labels[of].mean():>4.0%} grounded: {each}")
    _report_claims(judge, answers)
    scant, truth, asked = held_out_scores(judge, labelled_answers(claims_only=True))
    print(f"AUROC of the answers against entailed claims alone: {separation(scant, truth, asked)}")
    _report_made("SciFact abstracts", judge, made_answers(scifact_passages(), _MADE))
    _report_made("handbook pages", judge, made_answers(handbook_passages(), _MADE))
    if write:
        _write(weights, whole, scores, labels)


def _report_claims(judge: SupportJudge, answers: Sequence[LabelledAnswer]) -> None:
    claims = [(one, *claim) for one in answers if one.held_out for claim in one.claims]
    scores = np.array(judge.support([(text, one.passages) for one, text, _ in claims]))
    labels = np.array([entailed for _, _, entailed in claims])
    found = separation(scores, labels, [one.question for one, _, _ in claims])
    print(f"AUROC of their {len(claims)} claims, {labels.mean():.0%} entailed: {found}")


def _report_made(name: str, judge: SupportJudge, made: Sequence[MadeAnswer]) -> None:
    scores = np.array(judge.support([(answer.text, answer.passages) for answer in made]))
    grounded = np.array([answer.grounded for answer in made])
    kinds = np.array([answer.kind for answer in made])
    found = separation(scores, grounded, [str(answer.passages) for answer in made])
    print(f"AUROC of {len(made)} answers made from {name}, never fitted on: {found}")
    for kind in sorted(set(kinds)):
        median = f"median score {np.median(scores[kinds == kind]):.2f}"
        of = grounded | (kinds == kind)
        told = "" if kind in {"quoted", "reworded"} else f", AUROC {auroc(scores[of], grounded[of]):.3f}"
        print(f"  {kind:<17}{(kinds == kind).sum():>5} answers, {median}{told}")


def _write(weights: Weights, whole: Separation, scores: Numbers, labels: Labels) -> None:
    pairs = [[float(score), int(label)] for score, label in zip(scores, labels, strict=True)]
    packaged = {
        "intercept": weights.intercept,
        "weights": dict(zip(FEATURES, weights.of, strict=True)),
        "split": SPLIT_RULE,
        "held_out": {
            "auroc": round(whole.auroc, 4),
            "low": round(whole.low, 4),
            "high": round(whole.high, 4),
            "answers": len(labels),
        },
    }
    head = json.dumps(packaged, indent=2).removesuffix("\n}")
    tail = f'"calibration": {{"data": {json.dumps(DATA)},\n    "pairs": {json.dumps(pairs)}}}'
    PACKAGED.write_text(f"{head},\n  {tail}\n}}\n", encoding="utf-8")
    print(f"written: {PACKAGED.name}")


if __name__ == "__main__":
    main(write="--write" in sys.argv)
