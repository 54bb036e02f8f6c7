"""How long an evaluation of SciFact's 300 questions takes, on two versions."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.measuring import configured_setup, measure_setup
from flows.project import opened
from tests.bench.gate_scifact import GOLDEN, write_settings


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


def speeds(root: Path, versions: tuple[int, int]) -> Iterator[tuple[str, Taken]]:
    """What was done, and what it took. The second of ``versions`` is promoted.

    The first time no vector of a question or sentence and no judgement is kept. ``measured again`` makes the whole
    measurement with these at hand; the command, run again, finds the measurement itself. Each is a process, or a
    project, of its own, that loads the model where it needs it.
    """
    for answers in (False, True):
        kind = "answers and judge" if answers else "retrieval alone"
        config = write_settings(root, f"speed-{answers}.yaml", answers=answers, golden=_anew(root, answers))
        _forget(config)
        measure = partial(_measure, config, versions)
        first, again = timed(measure), timed(measure)
        yield f"{kind}: first", first
        yield f"{kind}: measured again, {again.wall / first.wall:.2f} x", again
        _forget(config)
        command = partial(_command, config, versions[0])
        first, again = timed(command), timed(command)
        yield f"{kind}: lockgate evaluate, first", first
        yield f"{kind}: lockgate evaluate, again, {again.wall / first.wall:.2f} x", again


def _measure(config: Path, versions: Sequence[int]) -> None:
    with opened(config) as project:
        setup = configured_setup(project)
        for version in versions:
            measure_setup(project, version, setup, lambda _done, _total: None)


def _command(config: Path, version: int) -> None:
    """It measures the promoted version too, to compare."""
    lockgate = Path(sys.executable).with_name("lockgate")
    command = [str(lockgate), "evaluate", "--json", "--config", str(config), "--version", str(version)]
    subprocess.run(command, check=True, capture_output=True)


def _anew(root: Path, answers: bool) -> str:
    """The golden questions under other names, so that no measurement of them is kept."""
    file = f"golden-{answers}.jsonl"
    lines = (root / GOLDEN).read_text(encoding="utf-8").splitlines()
    renamed = [{**one, "id": f"{answers} {one['id']}"} for one in map(json.loads, lines)]
    (root / file).write_text("".join(f"{json.dumps(one)}\n" for one in renamed), encoding="utf-8")
    return file


def _forget(config: Path) -> None:
    """Vectors of sentences and judgements."""
    with opened(config) as project:
        project.sentences.forget_all()
        state = project.settings.state
    for left in state.glob("judgements.sqlite*"):
        left.unlink()


def _user() -> float:
    return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
