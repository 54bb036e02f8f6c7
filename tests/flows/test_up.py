"""``lockgate up``: the server, its deployments, and how both end."""

from __future__ import annotations

import signal
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from tests.flows.commands import free_port, lockgate
from tests.flows.projects import TinyProject
from tests.flows.served import Served, call, group_of, is_alive, serving, wait_until


@pytest.fixture(scope="module")
def served(original: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A project that is served, with its own server."""
    project = original.copied_to(tmp_path_factory.mktemp("up") / "tiny")
    with serving(project, deployments=8) as served:
        yield served


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
        "access-sync/tiny",
        "access-audit/tiny",
        "evaluate-promoted/tiny",
    }
    pages = deployments["ingest/pages"]
    assert [each["schedule"]["cron"] for each in pages["schedules"]] == ["0 * * * *"]
    assert deployments["ingest/notes"]["schedules"] == []
    assert pages["parameters"] == {"config": str(served.project.config), "source": "pages"}
    sync = deployments["access-sync/tiny"]
    assert [each["schedule"]["cron"] for each in sync["schedules"]] == ["*/5 * * * *"]
    assert sync["parameters"] == {"config": str(served.project.config)}
    assert set(pages["tags"]) == {"project:tiny", "source:pages", "owner:docs@tiny.example"}


def test_a_schedule_makes_runs(served: Served) -> None:
    wait_until(lambda: bool(served.runs("ingest/pages")))
    wait_until(lambda: bool(served.runs("access-sync/tiny")))


def test_a_second_server_for_the_same_project_is_refused(served: Served) -> None:
    ended = lockgate("up", "--port", str(free_port()), project=served.project)
    assert (ended.code, ended.out) == (1, "")
    assert f"http://127.0.0.1:{served.port}: this project's server runs already." in ended.err


def test_a_run_that_the_api_asks_for_completes(served: Served) -> None:
    run = served.start("evaluate/tiny")
    wait_until(lambda: served.state(run) in ("COMPLETED", "FAILED", "CRASHED"))
    assert served.state(run) == "COMPLETED"
    found = call(f"{served.api}/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    assert {each["key"] for each in found} == {"evaluation", "evaluation-page"}


def test_an_interrupt_ends_it_with_its_server_and_all_children(served: Served) -> None:
    family = group_of(served.process.pid)
    assert len(family) > 1
    served.process.send_signal(signal.SIGINT)
    served.process.wait(timeout=90)
    assert not {member for member in family if is_alive(member)}
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", served.port), timeout=5)
    assert "Traceback" not in served.log()
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
