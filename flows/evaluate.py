"""The flow ``evaluate``: measures a version against the golden questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import func, select
from sqlmodel import col

from evals import store
from evals.evaluate import evaluate as measure
from evals.fingerprints import evaluator_fingerprint
from evals.golden import check_references
from evals.measurement import Measurement
from evals.reports import junit_xml
from evals.systems import (
    BASELINE,
    FUSED,
    baseline_system,
    catalog_oracle,
    known_documents,
    retriever_systems,
)
from flows import artifacts
from flows.progress import advance
from flows.project import Project, opened
from rag.catalog import access_epoch, recorded_run
from rag.catalog.revisions import is_readable, unknown_version
from rag.catalog.tables import Version, VersionState
from rag.errors import EvaluationError, ReleaseError
from rag.releases import promoted

DEPTH = 10
"""Documents looked at for each question: the deepest cutoff of the metrics."""


def _run_name() -> str:
    return f"evaluate {_version_name(runtime.flow_run.parameters.get('version'))}"


def _version_name(version: int | None) -> str:
    return "the candidate" if version is None else f"version {version}"


@flow(name="evaluate", flow_run_name=_run_name)
def evaluate(
    config: str = "lockgate.yaml", version: int | None = None, junit: str | None = None
) -> dict[str, Any]:
    """Measures ``version``, or what waits for promotion, or what is promoted; returns the contract's summary.

    A version that was measured with this golden set, evaluator and retrieval before is not measured again,
    unless a purge or a change of access since may have changed what is found.
    The promoted version is measured too where the gate would have nothing to compare with. ``junit`` names a file
    for the measurement as continuous integration reads it.
    """
    with opened(config) as project:
        return evaluate_project(project, version=version, junit=Path(junit) if junit else None)


def evaluate_project(
    project: Project, *, version: int | None = None, junit: Path | None = None
) -> dict[str, Any]:
    """``evaluate`` for a project that is open."""
    project.check()
    version = chosen_version(project, version)
    check_references(project.golden, known_documents(project.catalog))
    with project.catalog.read() as session:
        incumbent = promoted(session)
    measurement = _measurement(project, version)
    same_retrieval = (
        incumbent is not None and incumbent.fingerprints["retrieval"] == project.retrieval_fingerprint
    )
    if incumbent is not None and incumbent.version != version and same_retrieval:
        _measurement(project, incumbent.version)
    artifacts.evaluation_report(project, version, measurement)
    if junit is not None:
        _write_junit(junit, measurement, version)
    summary = _summary(project, version, measurement)
    get_run_logger().info(
        "version %s: %s questions, %s leaks, %s failures; %s",
        version,
        summary["questions"],
        len(summary["leaks"]),
        len(summary["failures"]),
        {metric: round(found["mean"], 4) for metric, found in summary["metrics"].items()},
    )
    return summary


def _write_junit(file: Path, measurement: Measurement, version: int) -> None:
    try:
        file.write_text(junit_xml(measurement, version=version), encoding="utf-8")
    except OSError as error:
        raise EvaluationError(
            f"the report cannot be written ({error.strerror})",
            where=str(file),
            state=f"The measurement of version {version} is kept",
            next_step="Name a file in a folder that is there, and run the command again",
        ) from error


def chosen_version(project: Project, version: int | None) -> int:
    """``version`` if it is sealed; without one, the candidate, or what is promoted."""
    with project.catalog.read() as session:
        if version is not None:
            if not is_readable(session, version):
                raise unknown_version(version)
            return version
        candidate = session.scalar(
            select(func.max(col(Version.number))).where(col(Version.state) == VersionState.CANDIDATE)
        )
        current = promoted(session)
    if candidate is not None:
        return candidate
    if current is None:
        raise ReleaseError("no version waits, and none is promoted", next_step="Run lockgate ingest first.")
    return current.version


def fingerprints(project: Project) -> dict[str, str]:
    """What a measurement rests on, besides the version."""
    return {
        "golden": project.golden.fingerprint,
        "evaluator": evaluator_fingerprint(DEPTH),
        "retrieval": project.retrieval_fingerprint,
    }


def _measurement(project: Project, version: int) -> Measurement:
    with project.catalog.read() as session:
        known = store.find(
            session,
            version,
            **fingerprints(project),
            corpus=session.get_one(Version, version).corpus or "",
            access_epoch=access_epoch(session.connection()),
        )
        if known is not None:
            return store.load(session, known)
    return measure_version(project, version)


@task(name="measure-version", task_run_name="measure version {version}", cache_policy=NO_CACHE)
def measure_version(project: Project, version: int) -> Measurement:
    """Asks every golden question of every system, and keeps what came back."""
    with recorded_run(project.catalog, "evaluate") as record:
        record.version = version
        with project.catalog.connect() as connection:
            epoch = access_epoch(connection)
        systems = retriever_systems(
            project.catalog,
            project.store,
            project.embedder,
            project.bm25,
            project.retrieval,
            version,
            [question.question for question in project.golden.questions],
            project.encoders_of,
        )
        systems[BASELINE] = baseline_system(project.catalog, version)
        measurement = measure(
            project.golden,
            systems,
            main=FUSED,
            may_read=catalog_oracle(project.catalog),
            limit=DEPTH,
            progress=lambda done, total: advance(f"measuring version {version}", done, total),
        )
        with project.catalog.write() as session:
            store.save(
                session,
                version,
                measurement,
                retrieval=project.retrieval_fingerprint,
                access_epoch=epoch,
            )
    return measurement


def _summary(project: Project, version: int, measurement: Measurement) -> dict[str, Any]:
    gate = project.settings.gate
    systems = {
        system: {
            metric: {"mean": found.mean, "low": found.low, "high": found.high, "n": found.n}
            for metric, found in measurement.summary(
                system, gate.resamples, gate.confidence, gate.seed
            ).items()
        }
        for system in measurement.systems
    }
    return {
        "version": version,
        "metrics": systems[measurement.main],
        "baseline": systems[BASELINE],
        "systems": systems,
        "questions": len(measurement.asked),
        "leaks": [
            {"question": leak.question, "principal": leak.principal, "document": leak.document}
            for leak in measurement.leaks
        ],
        "failures": [
            {"question": one.question, "system": one.system, "error": one.error}
            for one in measurement.failures
        ],
    }
