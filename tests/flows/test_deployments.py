"""deployments/prefect.yaml against a real server, and a real worker that runs what it deployed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.prefect_runs import client
from tests.flows.projects import tiny_project

ROOT = Path(__file__).parents[2]


def prefect(*arguments: str, config: Path) -> str:
    """Runs Prefect's own command in the repository; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=ROOT,
        env={**os.environ, "LOCKGATE_CONFIG": str(config), "PWD": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def work_pool(prefect_api: str, tmp_path: Path) -> Iterator[str]:
    """A work pool of the name that the file uses, gone afterwards."""
    prefect("work-pool", "create", "lockgate", "--type", "process", config=tmp_path)
    yield "lockgate"
    with client() as server:
        server.delete_work_pool("lockgate")


def test_the_deployments_file_deploys_every_flow_and_a_worker_runs_one(
    work_pool: str, tmp_path: Path
) -> None:
    project = tiny_project(tmp_path / "tiny")

    prefect("deploy", "--prefect-file", "deployments/prefect.yaml", "--all", config=project.config)

    with client() as server:
        deployed = {
            server.read_flow(each.flow_id).name: each
            for each in server.read_deployments()
            if each.work_pool_name == work_pool
        }
    assert deployed.keys() == {
        "run",
        "ingest",
        "evaluate",
        "promote",
        "access-sync",
        "access-audit",
        "evaluate-promoted",
        "judge-drift",
    }
    assert deployed["run"].parameters == {"config": str(project.config)}
    (schedule,) = deployed["run"].schedules
    assert getattr(schedule.schedule, "cron", None) == "0 * * * *"

    sync = deployed["access-sync"]
    (schedule,) = sync.schedules
    assert getattr(schedule.schedule, "cron", None) == "*/5 * * * *"
    assert sync.global_concurrency_limit is not None
    assert sync.global_concurrency_limit.limit == 1
    assert sync.concurrency_options is not None
    assert sync.concurrency_options.collision_strategy == "CANCEL_NEW"

    again = deployed["evaluate-promoted"]
    (schedule,) = again.schedules
    assert getattr(schedule.schedule, "cron", None) == "0 3 * * *"
    assert again.global_concurrency_limit is not None
    assert list(deployed["judge-drift"].schedules) == []  # only who has labels gives it one

    prefect("deployment", "run", "ingest/by-hand", config=project.config)
    prefect("worker", "start", "--pool", work_pool, "--run-once", config=project.config)
    with client() as server:
        (run,) = [each for each in server.read_flow_runs() if each.deployment_id == deployed["ingest"].id]
    assert run.state_name == "Completed", run.state
    assert project.content()["version"] == 1
