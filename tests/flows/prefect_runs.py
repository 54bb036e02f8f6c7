"""What the Prefect server knows of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun

from tests.flows.projects import TinyProject


@contextmanager
def client() -> Iterator[SyncPrefectClient]:
    """The session's server."""
    with get_client(sync_client=True) as opened:
        yield opened


def main_run(project: TinyProject) -> FlowRun:
    """The first run of the flow ``run`` on this project."""
    flow = FlowFilter(name=FlowFilterName(any_=["run"]))
    with client() as server:
        runs = server.read_flow_runs(flow_filter=flow)
    ours = [run for run in runs if run.parameters.get("config") == str(project.config)]
    return min(ours, key=lambda run: str(run.created))


def inner_runs(run: FlowRun) -> dict[str, FlowRun]:
    """The runs that ``run`` started, by name."""
    parent = FlowRunFilterParentFlowRunId(any_=[run.id])
    with client() as server:
        runs = server.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent))
    return {each.name: each for each in runs}


def task_runs(run: FlowRun) -> dict[str, TaskRun]:
    """The tasks of ``run``, by name."""
    of_run = TaskRunFilterFlowRunId(any_=[run.id])
    with client() as server:
        runs = server.read_task_runs(task_run_filter=TaskRunFilter(flow_run_id=of_run))
    return {each.name: each for each in runs}


def artifacts(run_id: UUID) -> dict[str, Artifact]:
    """The artifacts of a flow run, by key."""
    of_run = ArtifactFilterFlowRunId(any_=[run_id])
    with client() as server:
        found = server.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))
    return {each.key: each for each in found if each.key}
