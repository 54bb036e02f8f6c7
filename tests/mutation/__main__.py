"""make mutants: every mutant of what decides on access must be noticed by a test.

    python -m tests.mutation [PART OF A PATH]...

Each mutant lives in a process of its own, forked from this one, which has read the libraries already.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import hypothesis
import numpy
import pytest
import qdrant_client
import qdrant_edge
import sqlmodel

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
_READ = (hypothesis, numpy, qdrant_client, qdrant_edge, sqlmodel)
_MOST_BYTES = 4 << 30  # a loop that never ends must not take the machine with it
_LEAST_SECONDS = 60.0
_LEAST_SHARE = 0.95


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another text."""

    def __init__(self, target: Target, source: str) -> None:
        self._target, self._source = target, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._target.module:
            return None
        return importlib.util.spec_from_file_location(name, ROOT / self._target.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, self._target.path, "exec"), module.__dict__)


def passes(target: Target, source: str, seconds: float, folder: Path) -> bool:
    """Whether the tests of ``target`` pass with this text of it, in time."""
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        sys.meta_path.insert(0, _Changed(target, source))
        code = 1
        try:
            tests = [test for test in target.tests if (ROOT / test.partition("::")[0]).exists()]
            options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder / str(os.getpid())}"]
            options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # a library that was read before
            options += [] if target.fixtures else ["--noconftest"]
            options += ["-k", target.chosen] if target.chosen else []
            code = int(pytest.main([*options, *tests]))
        finally:
            os._exit(code)
    try:
        return _ended_well(child, seconds)
    finally:
        shutil.rmtree(folder / str(child), ignore_errors=True)


def _ended_well(child: int, seconds: float) -> bool:
    """Whether it ended with 0 and in time; it is killed else, with all that it started."""
    ended = time.monotonic() + seconds
    while time.monotonic() < ended:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def survivors(target: Target, folder: Path) -> tuple[int, list[Mutant]]:
    """How many mutants there are, and those that no test notices."""
    source = (ROOT / target.path).read_text(encoding="utf-8")
    started = time.monotonic()
    if not passes(target, source, 3600, folder):
        raise SystemExit(f"the tests of {target.path} fail without any mutant")
    seconds = max(_LEAST_SECONDS, 5 * (time.monotonic() - started))
    all_mutants = list(mutants(source, target.functions))
    left = []
    for number, mutant in enumerate(all_mutants, start=1):
        if passes(target, mutant.source, seconds, folder):
            left.append(mutant)
            print(f"  {target.path}:{mutant.line} {mutant.kind}: {mutant.change}", flush=True)
        if sys.stderr.isatty():
            print(f"\r{target.path} {number} of {len(all_mutants)}", end="\r", file=sys.stderr)
    print(
        f"{target.path}: {len(all_mutants) - len(left)} of {len(all_mutants)} killed"
        f" in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return len(all_mutants), left


def main(wanted: list[str]) -> int:
    """Prints the survivors; 1 where less than 95 % were killed."""
    total = alive = 0
    with tempfile.TemporaryDirectory() as folder:
        for target in TARGETS:
            if not wanted or any(part in target.path for part in wanted):
                count, left = survivors(target, Path(folder))
                total, alive = total + count, alive + len(left)
    share = 1 - alive / max(total, 1)
    print(f"{total - alive} of {total} mutants killed: {share:.1%}")
    return int(share < _LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
