"""What ``lockgate up`` serves: the flows that build, one at a time, and those that wait for nobody."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from flows.access_audit import access_audit
from flows.access_sync import access_sync
from flows.drift import evaluate_promoted, judge_drift
from flows.evaluate import evaluate
from flows.ingest import ingest
from flows.promote import promote
from flows.run import run
from rag.settings import Settings

# Each takes the present state whole: one that waited behind another would only do the same again.
_ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def building(settings: Settings, config: Path) -> list[RunnerDeployment]:
    """``run``, ``evaluate``, ``promote``, and one ingest for each source, on the schedule of that source."""
    by_hand = [_deployment(flow, settings, config) for flow in (run, evaluate, promote)]
    ingests = [
        _deployment(
            ingest,
            settings,
            config,
            name=source.name,
            description=f"Takes what changed in the source {source.name} into a new candidate version.",
            parameters={"source": source.name},
            cron=source.schedule,
            tags=[f"source:{source.name}", *([f"owner:{source.owner}"] if source.owner else [])],
        )
        for source in settings.sources
    ]
    return by_hand + ingests


def access(settings: Settings, config: Path) -> list[RunnerDeployment]:
    """The flows that keep access right. They may run beside those that build, and beside one another."""
    sync, audit = settings.access.sync, settings.access.audit
    scheduled: list[tuple[Flow[..., Any], str | None, dict[str, Any]]] = [
        (access_sync, sync.schedule, {}),
        (access_audit, audit.schedule, {"sample": audit.sample}),
    ]
    return [
        _deployment(flow, settings, config, parameters=more, cron=schedule, concurrency_limit=_ONE_AT_A_TIME)
        for flow, schedule, more in scheduled
    ]


def watching(settings: Settings, config: Path) -> list[RunnerDeployment]:
    """The flows that measure what should not move. The judge is watched where it has labels."""
    chosen = settings.evaluation
    scheduled: list[tuple[Flow[..., Any], str | None]] = [(evaluate_promoted, chosen.schedule)]
    if chosen.judge.labels is not None:
        scheduled.append((judge_drift, chosen.judge.drift.schedule))
    return [
        _deployment(flow, settings, config, cron=schedule, concurrency_limit=_ONE_AT_A_TIME)
        for flow, schedule in scheduled
    ]


def serve_deployments(settings: Settings, config: Path) -> None:
    """Serves all of them until SIGINT or SIGTERM comes; what runs then is cancelled and ended first.

    ``PREFECT_API_URL`` names the server.
    """
    lanes = [
        _lane(building(settings, config), limit=1),
        _lane(access(settings, config) + watching(settings, config), limit=None),
    ]
    asyncio.run(_serve(lanes))


class _Lane(Runner):
    """One of several runners in a process. A runner would take SIGTERM to mean itself alone."""

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """Passes it on to all."""
        signal.raise_signal(signal.SIGINT)


def _lane(deployments: Sequence[RunnerDeployment], *, limit: int | None) -> _Lane:
    lane = _Lane(limit=limit)
    for deployment in deployments:
        lane.add_deployment(deployment)
    return lane


async def _serve(lanes: Sequence[_Lane]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, ended.set)
    async with asyncio.TaskGroup() as group:
        serving = [group.create_task(lane.start()) for lane in lanes]
        await ended.wait()
        loop.remove_signal_handler(signal.SIGINT)  # a second interrupt does not wait for what runs
        for lane, task in zip(lanes, serving, strict=True):
            if lane.started:
                await lane.astop()
            else:
                task.cancel()


def _deployment(
    flow: Flow[..., Any],
    settings: Settings,
    config: Path,
    *,
    name: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    **more: Any,
) -> RunnerDeployment:
    made = flow.to_deployment(
        name=name or settings.project,
        parameters={"config": str(config.resolve()), **(parameters or {})},
        tags=[f"project:{settings.project}", *tags],
        **more,
    )
    return cast("RunnerDeployment", made)  # awaits itself, in code that is not async
