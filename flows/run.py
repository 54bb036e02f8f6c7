"""The flow ``run``: ingest, evaluate, promote."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.evaluate import check_gate, evaluate
from flows.incidents import IncidentError
from flows.ingest import ingest
from flows.project import opened
from flows.promote import promote


@flow(name="run", flow_run_name="ingest, evaluate, promote")
def run(config: str = "lockgate.yaml") -> State[Any]:
    """The main job: takes in what changed, measures it, and lets it through the gate if it holds.

    A source that cannot be used keeps its documents as they are; what the others brought is measured and, if
    it holds, promoted, and the run fails at the end all the same, so that somebody looks.
    """
    with opened(config) as project:
        check_gate(project)
    incident: IncidentError | None = None
    try:
        ingested = ingest(config)
    except IncidentError as error:
        if error.summary["version"] is None:
            raise
        incident, ingested = error, error.summary
    summary: dict[str, Any] = {"ingest": ingested}
    summary["evaluate"] = evaluate(config)
    summary["promote"] = promote(config)
    if incident is not None:
        raise IncidentError(incident.incidents, summary)
    decision = summary["promote"]["decision"]
    return Completed(name={"promote": "Promoted", "hold": "Held", "block": "Blocked"}[decision], data=summary)
