"""``lockgate up``: the server, its deployments, and how both end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.commands import LOCKGATE, free_port, lockgate
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


@pytest.fixture(scope="module")
def served(original: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``lockgate up`` as a process of its own, with its own server; killed at the end if a test did not end it."""
    project = original.copied_to(tmp_path_factory.mktemp("up") / "tiny")
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
        assert told == {
            "ui": f"http://127.0.0.1:{port}",
            "api": served.api,
            "sources": ["pages", "notes"],
        }
        _await(lambda: len(served.deployments()) == 5)
        yield served
    finally:
        for child in sorted(group_of(process.pid), reverse=True):
            os.kill(child, signal.SIGKILL)
        process.communicate()


def _await(happened: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def test_the_ui_answers(served: Served) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/", timeout=30) as response:
        assert response.status == 200
        assert b"<html" in response.read().lower()


def test_there_is_a_deployment_for_each_source_and_for_each_job(served: Served) -> None:
    deployments = served.deployments()
    assert set(deployments) == {
        "ingest/pages",
        "ingest/notes",
        "run/tiny",
        "evaluate/tiny",
        "promote/tiny",
    }
    pages = deployments["ingest/pages"]
    assert [each["schedule"]["cron"] for each in pages["schedules"]] == ["0 * * * *"]
    assert deployments["ingest/notes"]["schedules"] == []
    assert pages["parameters"] == {"config": str(served.project.config), "source": "pages"}
    assert set(pages["tags"]) == {"project:tiny", "source:pages", "owner:docs@tiny.example"}


def test_a_second_server_for_the_same_project_is_refused(served: Served) -> None:
    ended = lockgate("up", "--port", str(free_port()), project=served.project)
    assert (ended.code, ended.out) == (1, "")
    assert f"http://127.0.0.1:{served.port}: this project's server runs already." in ended.err


def test_a_run_that_the_api_asks_for_completes(served: Served) -> None:
    deployment = served.deployments()["evaluate/tiny"]
    run = call(f"{served.api}/deployments/{deployment['id']}/create_flow_run", {})

    def state() -> str:
        return str(call(f"{served.api}/flow_runs/{run['id']}")["state"]["type"])

    _await(lambda: state() in ("COMPLETED", "FAILED", "CRASHED"))
    assert state() == "COMPLETED"
    found = call(f"{served.api}/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}})
    assert [each["key"] for each in found] == ["evaluation"]


def test_an_interrupt_ends_it_with_its_server_and_all_children(served: Served) -> None:
    family = group_of(served.process.pid)
    assert len(family) > 1
    served.process.send_signal(signal.SIGINT)
    served.process.wait(timeout=30)
    assert not {member for member in family if _is_alive(member)}
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", served.port), timeout=5)
    log = (served.project.root / "up.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert not (served.project.state / "prefect" / "server.json").exists()


def test_a_port_that_is_taken_is_a_clear_error(tiny: TinyProject) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = lockgate("up", "--port", str(port), project=tiny)
    assert (ended.code, ended.out) == (1, "")
    assert f"port {port} is in use" in ended.err
    assert "--port" in ended.err


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_is_wrong_usage(tiny: TinyProject, port: str) -> None:
    assert lockgate("up", "--port", port, project=tiny).code == 2


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
