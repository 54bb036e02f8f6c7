"""The flows that watch what should not move: the promoted release, and the judge of answers."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed

from evals.drift import release_drift
from flows import artifacts, judging
from flows.evaluate import check_measurable, known_measurement, measure_version
from flows.measuring import setup_of
from flows.project import Project, opened
from rag.errors import ReleaseError
from rag.releases import promoted


@flow(name="evaluate-promoted", flow_run_name="measure the promoted release again")
def evaluate_promoted(config: str = "lockgate.yaml") -> State[Any]:
    """Measures the promoted release anew, as it is served, and compares with how it was measured before.

    Nothing of it should have changed: where it measures otherwise, a model, a service or the index did. The run's
    state is called Steady or Drifted; a drift is an event, ``lockgate.release.drifted``.
    """
    with opened(config) as project:
        summary = evaluate_promoted_project(project)
    name = "Drifted" if summary["drifted"] else "Steady"
    return Completed(name=name, message=" ".join(summary["reasons"]), data=summary)


def evaluate_promoted_project(project: Project) -> dict[str, Any]:
    """``evaluate_promoted`` for a project that is open."""
    project.check()
    check_measurable(project)
    with project.catalog.read() as session:
        release = promoted(session)
    if release is None:
        raise ReleaseError("nothing is promoted yet", next_step="Run lockgate run first.")
    setup = setup_of(project, release)
    # with the first and not the last: what creeps is seen too, and an alert stays one until something is done
    before = known_measurement(project, release.version, setup, earliest=True)
    now = measure_version(project, release.version, setup)
    gate = project.settings.gate
    found = release_drift(before, now, gate.resamples, gate.confidence, gate.seed) if before else None
    reasons = list(found.reasons) if found else []
    summary = {
        "version": release.version,
        "release": release.release,
        "compared": before is not None,
        "metrics": {
            name: {"before": one.before, "now": one.now, "low": one.low, "high": one.high}
            for name, one in (found.metrics if found else {}).items()
        },
        "leaks": len(now.leaks),
        "failures": len(now.failures),
        "drifted": bool(reasons),
        "reasons": reasons,
    }
    artifacts.drift_report(summary)
    if reasons:
        _alert(project, "lockgate.release.drifted", release.release, summary)
    return summary


@flow(name="judge-drift", flow_run_name="judge the labelled answers again")
def judge_drift(config: str = "lockgate.yaml") -> dict[str, Any]:
    """Has the judge score its labelled answers again. A move is an event, ``lockgate.judge.drifted``."""
    with opened(config) as project:
        summary = judging.judge_drift(project)
        artifacts.judge_report(summary)
        if summary["drifted"]:
            _alert(project, "lockgate.judge.drifted", summary["fingerprint"], summary)
    return summary


def _alert(project: Project, event: str, of: str, summary: dict[str, Any]) -> None:
    name = project.settings.project
    get_run_logger().warning("%s: %s", event, " ".join(summary["reasons"]))
    emit_event(
        event=event,
        resource={
            "prefect.resource.id": f"lockgate.project.{name}",
            "prefect.resource.name": name,
            "lockgate.fingerprint": of,
        },
        payload={"reasons": summary["reasons"]},
    )
