"""Metrics as data, and the values of rankings."""

from evals.metrics.definition import Metric
from evals.metrics.registry import DEEPEST_CUTOFF, METRICS, RANKED, metric
from evals.metrics.scoring import score_rankings

__all__ = ["DEEPEST_CUTOFF", "METRICS", "RANKED", "Metric", "metric", "score_rankings"]
