"""How often the gate errs, on SciFact, and how long an evaluation takes.

python -m tests.bench.gate [--speed]        --speed: the times alone
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np

from evals.gate import GatePolicy, Verdict
from evals.measurement import Measurement
from evals.systems import baseline_system, measuring_retriever
from flows.environment import prepare
from flows.project import Project, opened
from tests.bench.gate_noise import (
    Tally,
    by_scores_alone,
    differ,
    of_questions,
    rankings_of,
    repeated,
    scores_of,
    with_noise,
    without_floors,
)
from tests.bench.gate_scifact import SCIFACT, mix_up, write_project, write_settings
from tests.bench.gate_speed import speeds

_REBUILT = 3
_REPEATED = 200
_NOISE = (0.02, 0.1)
_MIXED, _SEEDS = 0.1, 20
_FEW = 20

Row = Callable[[str, object], None]


def main(*, only_speed: bool = False) -> None:
    """Prints one table, a line as soon as it is known."""
    if not SCIFACT.is_dir():
        print(f"the gate on SciFact: left out, as there is no {SCIFACT}")
        return
    print("the gate on SciFact, 5,183 abstracts, 300 questions; nDCG@10 margin 0.02, Recall@10 margin 0.03")
    with tempfile.TemporaryDirectory() as root:
        bench = Bench(Path(root))
        if not only_speed:
            bench.identical()
            bench.noise()
            bench.mixed_up()
            bench.few_questions()
        bench.speed()


class Bench:
    """A project with SciFact, of which version 1 is promoted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = write_project(root)
        prepare(root / ".lockgate")
        self.first = self._ingested()
        self._decided()
        self.incumbent = self._measured(self.first)

    def identical(self) -> None:
        """The index built anew from the catalog."""
        tally: list[str] = []
        for _ in range(_REBUILT):
            self.rebuilt = self._ingested(rebuild=True)
            tally.append(self._decided()["decision"])
            self.incumbent_of_all = self.incumbent
        again = self._measured(self.rebuilt)
        _row(f"identical, {_REBUILT} rebuilds through the flows", ", ".join(tally))

    # the rest follows
