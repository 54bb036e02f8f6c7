"""How often the gate errs, on SciFact, and how long an evaluation takes.

python -m tests.bench.gate [--speed]        --speed: the times alone
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
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


def main(*, only_speed: bool = False) -> None:
    """Prints one table, a line as soon as it is known."""
    if not SCIFACT.is_dir():
        print(f"the gate on SciFact: left out, as there is no {SCIFACT}")
        return
    print("the gate on SciFact, 5,183 abstracts, 300 questions; nDCG@10 margin 0.02, Recall@10 margin 0.03")
    with tempfile.TemporaryDirectory() as root:
        bench = Bench(Path(root))
        if not only_speed:
            bench.noise()
            bench.mixed_up()
            bench.few_questions()
        bench.speed()


class Bench:
    """A project with SciFact: one version promoted, and the same index built anew some times over it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = write_project(root)
        prepare(root / ".lockgate")
        self.versions = [self._ingested()]
        self._decided()
        decisions: Counter[str] = Counter()
        for _ in range(_REBUILT):
            self.versions.append(self._ingested(rebuild=True))
            decisions[self._decided()["decision"]] += 1
        _row(f"identical: {_REBUILT} rebuilds, by the flows", dict(decisions))
        self.before = self._measured(self.versions[-2])
        self.identical = self._measured(self.versions[-1])
        with opened(self.config) as project:
            self.policy = project.policy
        tally = Tally()
        for chance in _chances(_REPEATED):
            drawn = chance.choices(list(self.before.answerable), k=len(self.before.answerable))
            tally.add(self._by_scores(self.identical, self.before, drawn))
        _row("identical: 300 questions drawn with replacement", tally)

    def noise(self) -> None:
        """Incumbent and candidate are the same version, each with its own noise in every ranking."""
        with opened(self.config) as project:
            golden = project.golden
            with closing(_retriever(project)) as retriever:
                scores = scores_of(retriever, golden, self.versions[-1])
            baseline = rankings_of(baseline_system(project.catalog, self.versions[-1]), golden)
        for size in _NOISE:
            whole, few = Tally(), _Few(self.policy)
            other: list[int] = []
            for number, chance in enumerate(_chances(_REPEATED)):
                draws = np.random.default_rng(number)
                now, before = (with_noise(golden, scores, baseline, size, draws) for _ in range(2))
                whole.add(by_scores_alone(self.policy, now, before))
                few.add(now, before, chance)
                values = now.values("fused", "nDCG@10"), before.values("fused", "nDCG@10")
                other.append(sum(values[0][id] != values[1][id] for id in values[0]))
            _row(f"noise of {size:.0%} ({np.mean(other):.0f} questions with another nDCG@10)", whole)
            few.show(f"noise of {size:.0%}")

    def mixed_up(self) -> None:
        """A tenth of the texts have each other's vectors."""
        gate, alone = Tally(), Tally()
        checks: Counter[str] = Counter()
        self.mixed: list[Measurement] = []
        for seed in range(_SEEDS):
            version = self._mixed_up(_MIXED, seed)
            summary = self._decided()
            gate.decisions[summary["decision"]] += 1
            checks.update(one["name"] for one in summary["checks"] if one["outcome"] == "block")
            self.mixed.append(self._measured(version))
            alone.add(by_scores_alone(self.policy, self.mixed[-1], self.identical))
        fell = np.mean([_mean(one) for one in self.mixed]) - _mean(self.identical)
        _row(f"{_MIXED:.0%} of vectors mixed up (nDCG@10 {fell:+.3f})", gate)
        _row("  blocked by", dict(checks))
        _row("  by scores alone", alone)
        _row("  blocked by", dict(alone.checks))

    def few_questions(self) -> None:
        """Random choices of the questions, compared without floors; what looks at vectors is left out."""
        candidates = {
            "identical": self.identical,
            "RRF with k 60 instead of 10": self._with_rrf(60),
            "3 % mixed up": self._measured(self._mixed_up(0.03, _SEEDS), measure=True),
            "10 % mixed up": self.mixed[0],
        }
        for name, measurement in candidates.items():
            few = _Few(self.policy)
            for chance in _chances(_REPEATED):
                few.add(measurement, self.identical, chance)
            few.show(name)
            verdict = by_scores_alone(self.policy, measurement, self.identical)
            _row("  of all 300 questions", f"{verdict.decision} ({_mean(measurement):.3f})")

    def speed(self) -> None:
        """Of the last two rebuilds."""
        for name, taken in speeds(self.root, (self.versions[-2], self.versions[-1])):
            _row(f"two versions, {name}", taken)

    def _by_scores(self, now: Measurement, before: Measurement, drawn: Sequence[str]) -> Verdict:
        policy = without_floors(self.policy)
        return by_scores_alone(policy, of_questions(now, drawn), of_questions(before, drawn))

    def _ingested(self, *, rebuild: bool = False) -> int:
        from flows.ingest import ingest

        return int(ingest(str(self.config), rebuild=rebuild)["version"])

    def _mixed_up(self, share: float, seed: int) -> int:
        with opened(self.config) as project:
            return mix_up(project, self.versions[-1], share, seed)

    def _decided(self) -> dict[str, Any]:
        """Measures what waits and asks the gate, by the flows."""
        from flows.evaluate import evaluate
        from flows.promote import promote

        evaluate(str(self.config))
        return cast("dict[str, Any]", promote(str(self.config)))

    def _measured(self, version: int, *, measure: bool = False, config: Path | None = None) -> Measurement:
        from flows.evaluate import evaluate, known_measurement
        from flows.measuring import configured_setup

        config = config or self.config
        if measure:
            evaluate(str(config), version=version)
        with opened(config) as project:
            found = known_measurement(project, version, configured_setup(project))
        assert found is not None
        return found

    def _with_rrf(self, k: int) -> Measurement:
        config = write_settings(self.root, f"rrf-{k}.yaml", rrf_k=k)
        return self._measured(self.versions[-1], measure=True, config=config)


class _Few:
    """Decisions on random choices of 20 questions, apart for those where nothing that decides differs."""

    def __init__(self, policy: GatePolicy) -> None:
        self._policy = without_floors(policy)
        self._same, self._other = Tally(), Tally()

    def add(self, now: Measurement, before: Measurement, chance: random.Random) -> None:
        drawn = chance.sample(list(now.answerable), _FEW)
        parts = of_questions(now, drawn), of_questions(before, drawn)
        tally = self._other if differ(self._policy, *parts) else self._same
        tally.add(by_scores_alone(self._policy, *parts))

    def show(self, name: str) -> None:
        for said, tally in (("some differ", self._other), ("none differs", self._same)):
            if tally.decisions:
                _row(f"{_FEW} questions, {name}: {said}", tally)


def _retriever(project: Project) -> Any:
    questions = [one.question for one in project.golden.questions]
    return measuring_retriever(
        project.catalog, project.store, project.sentence_embedder, project.bm25, project.retrieval, questions
    )


def _chances(times: int) -> list[random.Random]:
    return [random.Random(number) for number in range(times)]


def _mean(measurement: Measurement) -> float:
    values = measurement.values(measurement.main, "nDCG@10")
    return sum(values.values()) / len(values)


def _row(name: str, value: object) -> None:
    print(f"  {name:<62} {value}", flush=True)


if __name__ == "__main__":
    main(only_speed="--speed" in sys.argv)
