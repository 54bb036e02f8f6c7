"""What an evaluation found, as data."""

from evals.measurement.measurement import Measurement
from evals.measurement.rows import Answered, Asked, Failure, Leak, Score

__all__ = ["Answered", "Asked", "Failure", "Leak", "Measurement", "Score"]
