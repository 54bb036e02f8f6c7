"""The flow ``promote``: asks the gate, and moves the pointer if it says so."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from prefect import flow, get_run_logger, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from evals.gate import Latency
from evals.promotion import Outcome, ask_gate
from flows import artifacts
from flows.evaluate import check_measurable, chosen_version
from flows.measuring import Setup, configured_setup, latency_beside, setup_of
from flows.project import Project, opened
from rag.catalog import recorded_run
from rag.catalog.tables import Generation, Version
from rag.maintenance.vector_audit import VectorAudit, audit_vectors
from rag.releases import promoted

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
    check_measurable(project)
    setup = configured_setup(project)
    # Read through before anybody reads from it: a damaged version must not be promoted.
    project.store.verify(version)
    with recorded_run(project.catalog, "promote") as record:
        indexed, vectors = _looked_into(project, version)
        outcome = ask_gate(
            project.catalog,
            version,
            policy=project.policy,
            fingerprints=_release_fingerprints(project, version, setup),
            approve=approve,
            by=by,
            settings={
                "retrieval": setup.retrieval.to_dict(),
                "answering": setup.answering.to_dict(),
            },
            indexed=indexed,
            vectors=vectors,
            latency=_latency(project, version, setup),
            limits={source.name: source.freshness.max_lag for source in project.settings.sources},
        )
        record.version, record.summary = version, _summary(outcome)
    artifacts.gate_report(version, outcome.verdict)
    for reason in outcome.verdict.reasons:
        get_run_logger().info("%s version %s: %s", outcome.verdict.decision, version, reason.sentence)
    return _summary(outcome)


def _looked_into(project: Project, version: int) -> tuple[int, VectorAudit]:
    """How many passages the index of the version holds, and whether they have the vectors of their texts."""
    with project.catalog.read() as session:
        generation = session.get_one(Generation, session.get_one(Version, version).generation_id)
        embedder = generation.settings.get("embedder")
    with closing(project.store.open(version)) as reader:
        if embedder != project.embedder.fingerprint:
            return reader.points, VectorAudit(0, ())  # what made them is not what would be asked
        audit = audit_vectors(
            project.catalog,
            reader,
            version,
            embedder=project.embedder,
            cache=project.cache,
            seed=project.settings.gate.seed,
        )
        return reader.points, audit


def _latency(project: Project, version: int, setup: Setup) -> Latency | None:
    """Beside the promoted release, if the gate asks for it and that is another one."""
    with project.catalog.read() as session:
        incumbent = promoted(session)
    if project.policy.max_latency_ratio is None or incumbent is None:
        return None
    theirs = setup_of(project, incumbent)
    if (incumbent.version, theirs.retrieval) == (version, setup.retrieval):
        return None
    return latency_beside(project, version, setup, incumbent.version, theirs)


def _release_fingerprints(project: Project, version: int, setup: Setup) -> dict[str, str]:
    with project.catalog.read() as session:
        row = session.get_one(Version, version)
        generation = session.get_one(Generation, row.generation_id)
    return {
        **setup.fingerprints,
        "prompt": setup.answering.prompt.fingerprint,
        "model": _model(setup),
        "gate": project.gate_fingerprint,
        "corpus": row.corpus or "",
        "generation": generation.digest,
    }


def _model(setup: Setup) -> str:
    """Which model answers, for a person who reads the ledger."""
    model = setup.answering.model
    return f"{model.name} at {model.url}" if model else "none: answers are quoted"


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
