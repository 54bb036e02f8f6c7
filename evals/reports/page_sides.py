"""The two sides of a page: the version measured, and the incumbent that it is compared with, if there is one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from evals.measurement import Measurement
from evals.reports import differences
from evals.reports.differences import Compared, is_comparable, signed
from evals.reports.page_markup import Html
from evals.reports.page_plots import tone
from evals.statistics import Interval, bootstrap_interval


@dataclass(frozen=True, slots=True)
class Sides:
    """``before`` is the incumbent's measurement, as ``incumbent`` (a version); intervals are taken as said."""

    now: Measurement
    version: int
    before: Measurement | None
    incumbent: int | None
    resamples: int
    confidence: float
    seed: int

    @property
    def comparable(self) -> Measurement | None:
        """The incumbent's measurement where one evaluator made both."""
        return self.before if is_comparable(self.now, self.before) else None

    @property
    def incumbent_title(self) -> str:
        """``version 3``; of one without a number, ``the incumbent``."""
        return "the incumbent" if self.incumbent is None else f"version {self.incumbent}"

    def mean(self, values: Collection[float]) -> Interval:
        """With the page's intervals."""
        return bootstrap_interval(list(values), self.resamples, self.confidence, self.seed)

    def compare(self, system: str, metric: str, among: Collection[str] | None = None) -> Compared | None:
        """None without an incumbent, or with nothing to compare."""
        if self.comparable is None:
            return None
        return differences.compare(
            self.now,
            self.comparable,
            system,
            metric,
            among=among,
            resamples=self.resamples,
            confidence=self.confidence,
            seed=self.seed,
        )


def figure(found: Interval) -> Html:
    """``0.842`` and, smaller, its interval."""
    return Html(f"{found.mean:.3f} <small>{found.low:.3f} to {found.high:.3f}</small>")


def change(found: Interval) -> Html:
    """A difference and, smaller, its interval."""
    ends = f"<small>{signed(found.low)} to {signed(found.high)}</small>"
    return Html(f'<span class="{tone(found)}">{signed(found.mean)}</span> {ends}')


def verdict(found: Interval) -> Html:
    """In a word beside the colour whether a difference is beyond chance; empty where it is not."""
    said = tone(found)
    return Html("") if said == "level" else Html(f'<b class="{said}">{said}</b>')
