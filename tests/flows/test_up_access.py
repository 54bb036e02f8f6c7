"""``lockgate up``: access is brought up to date on its schedule, whatever is being built."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.commands import lockgate
from tests.flows.projects import CLEO, NOTES, TinyProject
from tests.flows.served import Served, group_of, is_alive, serving, wait_until

SALARIES = "pages/board/salaries.txt"
SHELVES = {f"shelf{n}": f"Shelf {n} holds the ledgers of the year {1500 + n}." for n in range(400)}


def may_find_salaries(project: TinyProject) -> bool:
    ended = lockgate("search", "salaries of directors", "--as", CLEO, "--json", project=project)
    assert ended.code == 0, ended.err
    return SALARIES in [hit["document"] for hit in ended.json["hits"]]


def process_of(served: Served, run: str) -> int:
    """The process that a run is in."""
    named = f"PREFECT__FLOW_RUN_ID={run}".encode()
    found = []
    for member in group_of(served.process.pid):
        environment = (Path("/proc") / str(member) / "environ").read_bytes().split(b"\0")
        if named in environment:
            found.append(member)
    return min(found)  # what it starts itself, such as the parser, comes later


@pytest.fixture(scope="module")
def project(original: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A promoted project whose access is brought up to date every minute."""
    project = original.copied_to(tmp_path_factory.mktemp("up-access") / "tiny")
    with project.config.open("a", encoding="utf-8") as file:
        file.write('access: {sync: {schedule: "* * * * *"}}\n')
    return project


@pytest.fixture(scope="module")
def served(project: TinyProject) -> Iterator[Served]:
    with serving(project, deployments=8) as served:
        yield served


@pytest.fixture(scope="module")
def stopped_ingest(served: Served) -> str:
    """A run of ingest that does not go on: its process was stopped while it embeds."""
    served.project.write_notes({**NOTES, **SHELVES})
    run = served.start("ingest/notes")
    wait_until(lambda: served.project.count("version") == 2, every=0.05)
    os.kill(process_of(served, run), signal.SIGSTOP)
    return run


def test_a_long_ingest_keeps_no_scheduled_access_sync_from_running(
    served: Served, stopped_ingest: str
) -> None:
    assert may_find_salaries(served.project)
    served.project.write_page("board/.access.yaml", "allow: []\n")
    wait_until(lambda: not may_find_salaries(served.project), seconds=240, every=1)
    assert served.state(stopped_ingest) == "RUNNING"
    (first, *_) = sorted(served.runs("access-sync/tiny"), key=lambda run: str(run["expected_start_time"]))
    assert first["auto_scheduled"] is True
    wait_until(lambda: served.state(first["id"]) == "COMPLETED")


def test_what_builds_waits_for_the_ingest_meanwhile(served: Served, stopped_ingest: str) -> None:
    evaluation = served.start("evaluate/tiny")
    sync = served.start("access-sync/tiny")
    wait_until(lambda: served.state(sync) in ("COMPLETED", "CANCELLED"))  # one on schedule may have the slot
    assert served.state(stopped_ingest) == "RUNNING"
    assert served.state(evaluation) == "SCHEDULED"


def test_sigterm_cancels_what_runs_and_ends_everything(served: Served, stopped_ingest: str) -> None:
    family = group_of(served.process.pid)
    os.kill(process_of(served, stopped_ingest), signal.SIGCONT)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=90) == 0
    assert not {member for member in family if is_alive(member)}
    state = f"SELECT state_type FROM flow_run WHERE id = '{stopped_ingest}'"
    assert served.project.rows(state, "prefect/prefect.db") == [("CANCELLED",)]
    (ingest,) = served.project.rows("SELECT state FROM run WHERE kind = 'ingest' ORDER BY id DESC LIMIT 1")
    assert ingest == ("failed",)
    assert lockgate("status", "--json", project=served.project).json["writing"] is False


def test_the_next_server_takes_the_schedule_up_again(project: TinyProject) -> None:
    with serving(project, deployments=8) as again:
        sync = again.deployments()["access-sync/tiny"]
        wait_until(lambda: not again.deployments()["access-sync/tiny"]["paused"])
        assert [each["active"] for each in sync["schedules"]] == [True]
        again.process.send_signal(signal.SIGINT)
        again.process.wait(timeout=90)
