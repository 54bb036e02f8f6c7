"""How long an evaluation of SciFact's 300 questions takes, on two versions."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.measuring import configured_setup, measure_setup
from flows.project import opened
from tests.bench.gate_scifact import write_settings


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds by the clock, and of the processors in our own code, children's included."""

    wall: float
    user: float

    def __str__(self) -> str:
        return f"{self.wall:6.1f} s, {self.user:6.1f} s of the processors"


def timed(work: Callable[[], object]) -> Taken:
    started, used = time.monotonic(), _user()
    work()
    return Taken(time.monotonic() - started, _user() - used)


def speeds(root: Path, versions: Sequence[int]) -> Iterator[tuple[str, Taken]]:
    """What was measured, and what it took: the first time with no vector of a question or sentence and no judgement
    kept. The model is loaded each time that it is needed."""
    for answers in (False, True):
        kind = "with answers and judge" if answers else "retrieval metrics only"
        config = write_settings(root, f"speed-{answers}.yaml", answers=answers)
        _forget(config)
        first = timed(lambda config=config: _measure(config, versions))  # type: ignore[misc]  # bound at once
        again = timed(lambda config=config: _measure(config, versions))  # type: ignore[misc]  # bound at once
        yield f"{kind}, first", first
        yield f"{kind}, measured again ({again.wall / first.wall:.2f} x)", again
        _forget(config)
        yield f"{kind}, the command, first", timed(lambda config=config: _command(config))  # type: ignore[misc]  # bound at once
        yield f"{kind}, the command, again", timed(lambda config=config: _command(config))  # type: ignore[misc]  # bound at once


def _measure(config: Path, versions: Sequence[int]) -> None:
    with opened(config) as project:
        setup = configured_setup(project)
        for version in versions:
            measure_setup(project, version, setup, lambda _done, _total: None)


def _command(config: Path) -> None:
    lockgate = Path(sys.executable).with_name("lockgate")
    subprocess.run(
        [str(lockgate), "evaluate", "--json", "--config", str(config)], check=True, capture_output=True
    )


def _forget(config: Path) -> None:
    with opened(config) as project:
        project.sentences.forget_all()
        state = project.settings.state
    for left in state.glob("judgements.sqlite*"):
        left.unlink()


def _user() -> float:
    return sum(
        resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
