"""The command line, called in this process or as the command itself."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.cli.main import run
from tests.flows.projects import TinyProject

LOCKGATE = Path(sys.executable).with_name("lockgate")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object on one line and nothing else."""
        assert self.out.count("\n") == 1, self.out
        assert self.out.endswith("\n")
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def lockgate(*arguments: str, project: TinyProject | None = None) -> Ended:
    """Calls the command line in this process; with ``project`` on its configuration."""
    given = [*arguments, *(["--config", str(project.config)] if project else [])]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(given)
    return Ended(code, out.getvalue(), err.getvalue())


def real_lockgate(*arguments: str, cwd: Path, timeout: float = 300) -> Ended:
    """Runs the installed command in ``cwd`` with this process's environment."""
    done = subprocess.run(
        [str(LOCKGATE), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
