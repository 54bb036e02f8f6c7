"""The mean of what people would say, from many judgements and few labels."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evals.statistics import CONFIDENCE, Interval
from rag.errors import EvaluationError

MIN_LABELS = 20
_Values = NDArray[np.float64]


def prediction_powered_mean(
    predictions: Sequence[float], labelled: Sequence[tuple[float, float]], confidence: float = CONFIDENCE
) -> Interval:
    """The mean label, 0 to 1, of the answers that ``predictions`` judge, with its interval; ``n`` counts those.

    ``labelled`` are pairs of a prediction and a label, all from 0 to 1, of other answers. What the predictions get
    wrong there on average is taken off; how much they are trusted, between not at all (the labels alone) and fully,
    is what makes the interval shortest.

    It holds where the labelled answers are drawn from the same population as the others: of the same systems, with
    as many good ones among them. For a labels file with a share of good answers that somebody chose, take
    ``share_by_label``. Raises ``EvaluationError`` for fewer than 20 labels, no predictions, a value that is not
    from 0 to 1, or such a confidence.

    Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, Prediction-powered inference, Science 382, 2023; the tuning
    of the trust: Angelopoulos, Duchi and Zrnic, PPI++, arXiv 2311.01453, 2023. The ends come from four more labels,
    two of 1 and two of 0, at the mean prediction: without them 60 labels, nearly all of 1, cover far too rarely
    (Agresti and Coull, Approximate is better than "exact", The American Statistician 52, 1998).
    """
    unlabelled, judged, truth = _checked(predictions, labelled, confidence)
    scatter = float(np.concatenate([judged, unlabelled]).var(ddof=1))
    mean, _ = _powered(unlabelled, judged, truth, scatter)
    centre, variance = _powered(
        unlabelled,
        np.concatenate([judged, np.full(4, judged.mean())]),
        np.concatenate([truth, [0.0, 0.0, 1.0, 1.0]]),
        scatter,
    )
    half = _z(confidence) * variance**0.5
    return _interval(mean, centre - half, centre + half, len(unlabelled))


def share_by_label(
    predictions: Sequence[float], labelled: Sequence[tuple[float, float]], confidence: float = CONFIDENCE
) -> Interval:
    """The share of good answers among those that ``predictions`` judge, with its interval; ``n`` counts those.

    ``labelled`` are pairs of a prediction from 0 to 1 and a label that is 0 or 1, in whatever proportion, as long
    as good answers are judged there as they are here, and bad ones too. The interval holds every share at which the
    mean prediction is no surprise; it is all of 0 to 1 for a judge that puts bad answers above good ones, and where
    no share explains the mean, as the labels then do not describe these answers. Raises ``EvaluationError`` as
    ``prediction_powered_mean`` does, and for labels that are not 0 or 1, or fewer than two of either.

    Rogan and Gladen, Estimating prevalence from the results of a screening test, American Journal of Epidemiology
    107, 1978, with mean scores for their rates; the interval: Fieller, Some problems in interval estimation, JRSS B
    16, 1954, with one more score of 1 and one of 0 for the good and for the bad (Agresti and Caffo, The American
    Statistician 54, 2000).
    """
    unlabelled, judged, truth = _checked(predictions, labelled, confidence)
    if not np.isin(truth, (0.0, 1.0)).all():
        raise EvaluationError("a label is neither 0 nor 1, so that there is no share of good answers")
    good, bad = judged[truth == 1.0], judged[truth == 0.0]
    if min(len(good), len(bad)) < 2:
        raise EvaluationError("fewer than two labels of 1, or of 0: how such answers are judged is not known")
    reach = float(good.mean() - bad.mean())
    if reach <= 0:
        return Interval(0.5, 0.0, 1.0, len(unlabelled))
    mean = float(unlabelled.mean() - bad.mean()) / reach
    low, high = _shares_that_fit(
        unlabelled, np.append(good, [0.0, 1.0]), np.append(bad, [0.0, 1.0]), confidence
    )
    return _interval(mean, low, high, len(unlabelled))


def _shares_that_fit(
    unlabelled: _Values, good: _Values, bad: _Values, confidence: float
) -> tuple[float, float]:
    """The lowest and highest share of good answers with which the mean of ``unlabelled`` is within its error."""
    share = np.linspace(0.0, 1.0, 1001)
    reach = good.mean() - bad.mean()
    of_good, of_bad = good.var(ddof=1), bad.var(ddof=1)
    mixed = share * of_good + (1 - share) * of_bad + share * (1 - share) * reach**2
    variance = mixed / len(unlabelled) + share**2 * of_good / len(good) + (1 - share) ** 2 * of_bad / len(bad)
    away = np.abs(unlabelled.mean() - bad.mean() - share * reach)
    fits = share[away <= _z(confidence) * np.sqrt(variance)]
    return (float(fits[0]), float(fits[-1])) if len(fits) else (0.0, 1.0)


def _powered(unlabelled: _Values, judged: _Values, truth: _Values, scatter: float) -> tuple[float, float]:
    """The mean and its variance; ``scatter`` is the variance of all predictions."""
    n, others = len(truth), len(unlabelled)
    shared = float(np.cov(judged, truth)[0, 1])
    trust = min(1.0, max(0.0, shared / ((1 + n / others) * scatter))) if scatter > 0 else 0.0
    left = truth - trust * judged
    mean = trust * float(unlabelled.mean()) + float(left.mean())
    return mean, trust**2 * scatter / others + float(left.var(ddof=1)) / n


def _checked(
    predictions: Sequence[float], labelled: Sequence[tuple[float, float]], confidence: float
) -> tuple[_Values, _Values, _Values]:
    if not 0 < confidence < 1:
        raise EvaluationError(f"a confidence of {confidence} gives no interval")
    if not predictions:
        raise EvaluationError("there is no prediction to take a mean of")
    if len(labelled) < MIN_LABELS:
        raise EvaluationError(
            f"{len(labelled)} labels are too few to correct predictions by; {MIN_LABELS} are needed"
        )
    unlabelled = np.asarray(predictions, dtype=np.float64)
    pairs = np.asarray(labelled, dtype=np.float64)
    # not(...) so that what is no number fails too
    if not all(((one >= 0) & (one <= 1)).all() for one in (unlabelled, pairs)):
        raise EvaluationError("a prediction or label is not a number from 0 to 1")
    return unlabelled, pairs[:, 0], pairs[:, 1]


def _interval(mean: float, low: float, high: float, n: int) -> Interval:
    """Within 0 to 1, and with the mean inside."""
    mean, low, high = (min(1.0, max(0.0, one)) for one in (mean, low, high))
    return Interval(mean, min(low, mean), max(high, mean), n)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
