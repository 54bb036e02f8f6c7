"""The flow ``promote``: asks the gate, and moves the pointer if it says so."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from prefect import flow, get_run_logger, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from evals.promotion import Outcome, ask_gate
from flows import artifacts
from flows.evaluate import chosen_version, fingerprints
from flows.project import Project, opened
from rag.catalog import recorded_run
from rag.catalog.tables import Generation, Version

_STATE_NAMES = {"promote": "Promoted", "hold": "Held", "block": "Blocked"}


def _run_name() -> str:
    version = runtime.flow_run.parameters.get("version")
    return "promote the candidate" if version is None else f"promote version {version}"


@flow(name="promote", flow_run_name=_run_name)
def promote(
    config: str = "lockgate.yaml", version: int | None = None, approve: bool = False, by: str | None = None
) -> State[Any]:
    """Asks the gate about ``version``, or about what waits. ``approve`` lets a held one through, in the name of
    ``by``.

    The run's state is called Promoted, Held or Blocked; its data is the contract's summary.
    """
    with opened(config) as project:
        summary = promote_project(project, version=version, approve=approve, by=by)
    return Completed(
        name=_STATE_NAMES[summary["decision"]], message=" ".join(summary["reasons"]), data=summary
    )


def promote_project(
    project: Project, *, version: int | None = None, approve: bool = False, by: str | None = None
) -> dict[str, Any]:
    """``promote`` for a project that is open."""
    project.check()
    version = chosen_version(project, version)
    # Read through before anybody reads from it: a damaged version must not be promoted.
    project.store.verify(version)
    with recorded_run(project.catalog, "promote") as record:
        outcome = ask_gate(
            project.catalog,
            version,
            policy=project.policy,
            fingerprints=_release_fingerprints(project, version),
            approve=approve,
            by=by,
            settings={"retrieval": project.retrieval.to_dict()},
            indexed=_indexed(project, version),
            limits={source.name: source.freshness.max_lag for source in project.settings.sources},
        )
        record.version, record.summary = version, _summary(outcome)
    artifacts.gate_report(version, outcome.verdict)
    for reason in outcome.verdict.reasons:
        get_run_logger().info("%s version %s: %s", outcome.verdict.decision, version, reason.sentence)
    return _summary(outcome)


def _indexed(project: Project, version: int) -> int:
    with closing(project.store.open(version)) as reader:
        return reader.points


def _release_fingerprints(project: Project, version: int) -> dict[str, str]:
    with project.catalog.read() as session:
        row = session.get_one(Version, version)
        generation = session.get_one(Generation, row.generation_id)
    return {
        **fingerprints(project),
        "gate": project.gate_fingerprint,
        "corpus": row.corpus or "",
        "generation": generation.digest,
    }


def _summary(outcome: Outcome) -> dict[str, Any]:
    return {
        "decision": outcome.verdict.decision,
        "reasons": [reason.sentence for reason in outcome.verdict.reasons],
        "version": outcome.version,
        "release": outcome.release,
        "checks": [
            {"name": check.name, "outcome": check.outcome, "figure": check.figure}
            for check in outcome.verdict.checks
        ],
    }
