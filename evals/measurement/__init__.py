"""What an evaluation found, as data."""

from evals.measurement.measurement import Measurement
from evals.measurement.rows import Asked, Failure, Leak, Score

__all__ = ["Asked", "Failure", "Leak", "Measurement", "Score"]
