"""``lockgate up`` as a process of its own, and what its API says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.commands import LOCKGATE, free_port
from tests.flows.projects import TinyProject


def call(url: str, body: object = None) -> Any:
    """What the API answers: a GET, or a POST of ``body``.

    A server on SQLite answers 503 while its database is locked and asks to be asked again, as Prefect's own
    client does.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    for attempt in range(10):
        time.sleep(attempt)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 503 or attempt == 9:
                raise
    raise AssertionError("the last attempt returns or raises")


def group_of(leader: int) -> set[int]:
    """The living processes that descend from ``leader``, itself included."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if child == leader or parent in found} - found:
        found |= more
    return found


@dataclass(frozen=True)
class Served:
    """A project that is being served."""

    project: TinyProject
    process: subprocess.Popen[str]
    port: int

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def deployments(self) -> dict[str, Any]:
        """By ``flow/deployment``."""
        flows = {flow["id"]: flow["name"] for flow in call(f"{self.api}/flows/filter", {})}
        found = call(f"{self.api}/deployments/filter", {})
        return {f"{flows[each['flow_id']]}/{each['name']}": each for each in found}

    def start(self, deployment: str) -> str:
        """Asks the API for a run of ``flow/deployment``; the id of it."""
        id = self.deployments()[deployment]["id"]
        return str(call(f"{self.api}/deployments/{id}/create_flow_run", {})["id"])

    def state(self, run: str) -> str:
        """The type of the state that a run is in."""
        return str(call(f"{self.api}/flow_runs/{run}")["state"]["type"])

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """All runs of ``flow/deployment``, those that are only scheduled among them."""
        wanted = {"deployments": {"id": {"any_": [self.deployments()[deployment]["id"]]}}}
        found = call(f"{self.api}/flow_runs/filter", wanted)
        assert isinstance(found, list)
        return found

    def log(self) -> str:
        return (self.project.root / "up.log").read_text(encoding="utf-8")


@contextmanager
def serving(project: TinyProject, *, deployments: int) -> Iterator[Served]:
    """``lockgate up``, once so many deployments are served; killed at the end if a test did not end it."""
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PREFECT_API_URL", "PREFECT_HOME")
    }
    environment["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "INFO"
    with (project.root / "up.log").open("w") as log:
        process = subprocess.Popen(
            [str(LOCKGATE), "up", "--port", str(port), "--json"],
            cwd=project.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    served = Served(project, process, port)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told == {"ui": f"http://127.0.0.1:{port}", "api": served.api, "sources": ["pages", "notes"]}
        wait_until(lambda: len(served.deployments()) == deployments)
        yield served
    finally:
        for child in sorted(group_of(process.pid), reverse=True):
            os.kill(child, signal.SIGKILL)
        process.communicate()


def wait_until(happened: Callable[[], bool], seconds: float = 120, *, every: float = 0.2) -> None:
    """Looks again and again; fails if it has not happened in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)


def is_alive(process: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
