"""The flow ``evaluate``: measures a version against the golden questions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import func, select
from sqlmodel import col

from evals import store
from evals.golden import CatalogCorpus, check_references, check_usable
from evals.judges.calibration import why_no_vote
from evals.measurement import Measurement
from evals.prediction_powered import prediction_powered_mean, share_by_label
from evals.reports import Groundedness, junit_xml
from evals.systems import BASELINE, known_documents
from flows import artifacts
from flows.judging import calibration_of, check_vote, judge_of, own_calibration
from flows.measuring import Setup, configured_setup, measure_setup, setup_of
from flows.pages import write_page
from flows.progress import advance
from flows.project import Project, opened
from rag.catalog import access_epoch, recorded_run
from rag.catalog.revisions import is_readable, unknown_version
from rag.catalog.tables import Version, VersionState
from rag.errors import EvaluationError, ReleaseError
from rag.releases import promoted


def _run_name() -> str:
    return f"evaluate {_version_name(runtime.flow_run.parameters.get('version'))}"


def _version_name(version: int | None) -> str:
    return "the candidate" if version is None else f"version {version}"


@flow(name="evaluate", flow_run_name=_run_name)
def evaluate(
    config: str = "lockgate.yaml", version: int | None = None, junit: str | None = None
) -> dict[str, Any]:
    """Measures ``version``, or what waits for promotion, or what is promoted; returns the contract's summary.

    A version that was measured with this golden set, evaluator and settings before is not measured again, unless
    some question failed then, or a purge or a change of access since may have changed what is found.
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
    check_measurable(project)
    with project.catalog.read() as session:
        incumbent = promoted(session)
    setup = configured_setup(project)
    measurement = _measurement(project, version, setup)
    beside: tuple[int, Measurement] | None = None
    if incumbent is not None:
        theirs = setup_of(project, incumbent)
        if (incumbent.version, theirs.fingerprints) != (version, setup.fingerprints):
            beside = incumbent.version, _measurement(project, incumbent.version, theirs)
    groundedness = _groundedness(project, measurement)
    page = write_page(project, version, measurement, incumbent=beside, groundedness=groundedness)
    artifacts.evaluation_report(project, version, measurement, incumbent=beside, page=page)
    if junit is not None:
        _write_junit(junit, measurement, version)
    summary = _summary(project, version, measurement, groundedness, page)
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


def check_measurable(project: Project) -> None:
    """Raises ``ConfigurationError`` for whatever would make the measurement worthless, before any of it is made."""
    check_references(project.golden, known_documents(project.catalog))
    check_usable(project.golden, CatalogCorpus(project.catalog))
    check_gate(project)


def check_gate(project: Project) -> None:
    """Raises ``ConfigurationError`` for a metric of the gate that cannot decide, whatever is in the corpus."""
    judge = judge_of(project)
    project.policy.check_scopes(
        project.golden, answers=project.settings.evaluation.answers, judge_gives=judge.metrics
    )
    check_vote(project)


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


def known_measurement(
    project: Project, version: int, setup: Setup, *, earliest: bool = False
) -> Measurement | None:
    """The latest measurement of what ``version`` is now, under this setup, or the ``earliest``."""
    look = store.earliest if earliest else store.find
    with project.catalog.read() as session:
        known = look(
            session,
            version,
            **setup.fingerprints,
            corpus=session.get_one(Version, version).corpus or "",
            access_epoch=access_epoch(session.connection()),
        )
        return store.load(session, known) if known is not None else None


def _measurement(project: Project, version: int, setup: Setup) -> Measurement:
    known = known_measurement(project, version, setup)
    if known is not None and not known.failures:
        return known
    return measure_version(project, version, setup)  # what failed may have been a service that is back by now


@task(name="measure-version", task_run_name="measure version {version}", cache_policy=NO_CACHE)
def measure_version(project: Project, version: int, setup: Setup) -> Measurement:
    """Asks every golden question of every system, and keeps what came back."""
    with recorded_run(project.catalog, "evaluate") as record:
        record.version = version
        with project.catalog.connect() as connection:
            epoch = access_epoch(connection)
        measurement = measure_setup(
            project,
            version,
            setup,
            lambda done, total: advance(f"measuring version {version}", done, total),
        )
        with project.catalog.write() as session:
            store.save(
                session,
                version,
                measurement,
                retrieval=setup.fingerprints["retrieval"],
                answering=setup.fingerprints["answering"],
                access_epoch=epoch,
            )
    return measurement


def _summary(
    project: Project,
    version: int,
    measurement: Measurement,
    groundedness: Groundedness | None,
    page: Path | None,
) -> dict[str, Any]:
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
        "judge": _judge(project) if measurement.answers else None,
        "groundedness": groundedness
        and {
            "mean": groundedness.share.mean,
            "low": groundedness.share.low,
            "high": groundedness.share.high,
            "n": groundedness.share.n,
            "labels": groundedness.labels,
        },
        "page": str(page) if page else None,
        "spent": asdict(measurement.spent),
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


def _judge(project: Project) -> dict[str, Any]:
    """Who judged, and what that is worth."""
    judge = judge_of(project)
    found = calibration_of(project, judge)
    floor = project.settings.evaluation.judge.floor
    why = why_no_vote(found, judge.fingerprint, floor)
    auroc = {"mean": found.auroc.mean, "low": found.auroc.low, "high": found.auroc.high} if found else None
    return {
        "name": judge.name,
        "fingerprint": judge.fingerprint,
        "auroc": auroc,
        "votes": why is None,
        "why": why,
    }


def _groundedness(project: Project, measurement: Measurement) -> Groundedness | None:
    """The share of grounded answers among those given, corrected for the judge's errors by the project's labels."""
    given = {one.question for one in measurement.answers if not one.refused}
    values = measurement.values(measurement.main, "Faithfulness") if measurement.answers else {}
    scores = [value for question, value in values.items() if question in given]
    calibration = own_calibration(project, judge_of(project)) if scores else None
    if calibration is None or calibration.judge_fingerprint != measurement.fingerprints["judge"]:
        return None
    sampled = project.settings.evaluation.judge.labels_sampled
    share = prediction_powered_mean if sampled else share_by_label
    found = share(scores, calibration.pairs_as_measured, project.settings.gate.confidence)
    return Groundedness(found, calibration.n)
