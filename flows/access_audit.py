"""The flow ``access-audit``: what catalog and index have of some documents, against what sources say now."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from prefect import flow, get_run_logger
from prefect.events import emit_event

from flows import artifacts
from flows.audit_summary import audit_summary
from flows.incidents import IncidentError
from flows.project import Project, breaker_of, defaults_of, opened
from rag.catalog import recorded_run
from rag.errors import LockgateError, OverGrantError, SourceError, UsageError
from rag.maintenance import Finding, RulesAudit, audit_index, audit_rules
from rag.settings import Source

KIND = "access-audit"
OVER_GRANT = "lockgate.access.over-grant"
"""The event that each document raises which somebody could read who may not."""


@flow(name=KIND, flow_run_name="up to {sample} documents of each source")
def access_audit(config: str = "lockgate.yaml", sample: int = 200, seed: int | None = None) -> dict[str, Any]:
    """Looks at up to ``sample`` documents of each source, repairs what differs at once, and says how much that was.

    ``seed`` draws the same documents again; without one they are others each time. It may run beside an ingest.
    Returns the summary of the contract. Raises ``IncidentError`` at the end if somebody could read what they may
    not, or something could not be looked at; ``UsageError`` for a sample below 1.
    """
    if sample < 1:
        raise UsageError(f"a sample of {sample} documents is none", next_step="Give a number from 1 on")
    with opened(config) as project:
        return audit_access(project, sample, secrets.randbelow(2**32) if seed is None else seed)


def audit_access(project: Project, sample: int, seed: int) -> dict[str, Any]:
    """``access_audit`` for a project that is open."""
    started = time.monotonic()
    project.check()
    with recorded_run(project.catalog, KIND) as record:
        rules: list[RulesAudit] = []
        unheard: dict[str, SourceError] = {}
        for source in project.settings.sources:
            try:
                audited = _audit_source(project, source, sample, seed)
            except SourceError as error:
                unheard[source.name] = error
                continue
            _raise_events(audited.findings)
            rules.append(audited)
        looked_at = {id: key for each in rules for id, key in each.looked_at.items()}
        index = audit_index(project.catalog, project.store, looked_at)
        _raise_events(index.findings)
        findings = [*(finding for each in rules for finding in each.findings), *index.findings]
        summary = audit_summary(rules, index, findings, unheard, sample=sample, seed=seed)
        summary["seconds"] = round(time.monotonic() - started, 3)
        # Who may read what is not kept with the record of the run.
        record.summary = {key: value for key, value in summary.items() if key != "findings"}
        artifacts.audit_report(project, summary)
        get_run_logger().info(
            "%s over-grants and %s under-grants in %s of %s documents",
            summary["total"]["over_grants"]["count"],
            summary["total"]["under_grants"]["count"],
            summary["total"]["sampled"],
            summary["total"]["population"],
        )
        incidents: list[LockgateError] = list(unheard.values())
        incidents += [held for each in rules for held in each.held]
        incidents += index.failed
        incidents += _over_grants(summary["sources"], findings)
        if incidents:
            raise IncidentError(incidents, summary)
    return summary


def _audit_source(project: Project, source: Source, sample: int, seed: int) -> RulesAudit:
    # Listed within the transaction: the catalog is not ahead of what it is compared with.
    with project.catalog.write() as session:
        return audit_rules(
            session,
            source.name,
            project.connector(source).list(),
            defaults=defaults_of(source),
            breaker=breaker_of(source),
            size=sample,
            chance=Random(f"{seed} {source.name}"),
        )


def _raise_events(findings: Sequence[Finding]) -> None:
    """One for each over-grant. Principals are in the report; an event may go anywhere."""
    for finding in findings:
        if finding.too_many:
            emit_event(
                OVER_GRANT,
                resource={
                    "prefect.resource.id": f"lockgate.document.{finding.document}",
                    "prefect.resource.name": finding.document,
                },
                payload={
                    "place": finding.place,
                    "principals": len(finding.too_many),
                    "versions": list(finding.versions),
                    "changed_at": finding.changed_at.isoformat() if finding.changed_at else None,
                    "repaired": finding.repaired,
                },
            )


def _over_grants(sources: Sequence[dict[str, Any]], findings: Sequence[Finding]) -> list[OverGrantError]:
    """What to say of each source of which somebody could read too much."""
    incidents = []
    for each in sources:
        over = [finding for finding in findings if finding.too_many and _is_of(finding, each["name"])]
        left = {finding.document for finding in over if not finding.repaired}
        if over:
            incidents.append(
                OverGrantError(
                    f"of {each['sampled']} documents that were looked at, "
                    f"{each['over_grants']['count']} could be read by somebody who may not",
                    where=each["name"],
                    state=f"{len(left)} of them are not repaired" if left else "All of them are repaired",
                    next_step="The findings say by whom, and what was done",
                )
            )
        if each["closed"]:
            incidents.append(
                OverGrantError(
                    f"the rule of {each['closed']} documents was changed in the catalog, "
                    "and the source does not say another",
                    where=each["name"],
                    state="Nobody may read them",
                    next_step="Have the source say who may, then run lockgate access sync",
                )
            )
    return incidents


def _is_of(finding: Finding, source: str) -> bool:
    return finding.document.startswith(f"{source}/")
