"""The flow ``gate-selftest``: does the gate stop what it is there to stop?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from evals.reports import escape
from flows import artifacts
from flows.selftest.candidates import Candidate
from flows.selftest.rehearse import Tried, selftest, try_candidate
from flows.selftest.scratch import Material, Scratch
from rag.settings import load_settings

KIND = "gate-selftest"


@flow(name=KIND, flow_run_name="self-test of the gate")
def gate_selftest(config: str = "lockgate.yaml", only: tuple[str, ...] = ()) -> State[Any]:
    """Makes candidates of the project that are known to be bad or good, and asks the gate about each.

    ``only`` names some of them. The run's state is called Caught or NotCaught; its data is the summary:
    ``caught``, ``candidates`` and ``seconds``.
    """

    def trying(shared: Scratch, material: Material, candidate: Candidate) -> Tried:
        return one_candidate(candidate.name, partial(try_candidate, shared, material, candidate))

    with artifacts.unpublished():
        summary = selftest(load_settings(Path(config)), only=only, trying=trying)
    create_markdown_artifact(key=KIND, markdown=_markdown(summary), description="Self-test of the gate")
    for one in summary["candidates"]:
        get_run_logger().info(
            "%s: %s (%s)",
            one["name"],
            one["decision"],
            "as it should" if one["passed"] else "not as it should",
        )
    return Completed(name="Caught" if summary["caught"] else "NotCaught", data=summary)


@task(name="try-candidate", task_run_name="{name}", cache_policy=NO_CACHE)
def one_candidate(name: str, trial: Callable[[], Tried]) -> Tried:
    """Builds the candidate of that name, measures it, and asks the gate."""
    return trial()


def _markdown(summary: Mapping[str, Any]) -> str:
    lines = [
        f"# The gate {'caught everything' if summary['caught'] else 'did not catch everything'}",
        "",
        "| candidate | | should be | decision | checks that did not pass |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {escape(one['name'])} | {escape(one['what'])} | {'stopped' if one['bad'] else 'promoted'} "
            f"| {'' if one['passed'] else '**not as it should**: '}{one['decision']} "
            f"| {escape(', '.join(one['checks']))} |"
            for one in summary["candidates"]
        ),
        "",
        *(
            f"- {escape(one['name'])}: {escape(one['advice'])}"
            for one in summary["candidates"]
            if one["advice"]
        ),
    ]
    return "\n".join(lines)
