"""What a run leaves for people to read in Prefect's UI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from evals.gate import Verdict
from evals.measurement import Measurement
from evals.reports import decision_markdown, decision_rows, escape, evaluation_markdown
from flows.audit_summary import principals_text, share_text
from flows.project import Project

_REASONS_SHOWN = 50
_PUBLISHED: ContextVar[bool] = ContextVar("published", default=True)


def ingest_report(project: Project, summary: Mapping[str, Any], kept_out: Sequence[tuple[str, str]]) -> None:
    """The numbers of an ingest, its incidents, and why documents were kept out."""
    documents, chunks = summary["documents"], summary["chunks"]
    version = summary["version"]
    lines = [
        f"# Ingest: {f'version {version}' if version is not None else 'no version yet'}",
        "",
        "Nothing changed, so no version was made." if not summary["built"] else "A candidate was sealed.",
        "",
        "| documents | |",
        "| --- | ---: |",
        *(f"| {name.replace('_', ' ')} | {number} |" for name, number in documents.items()),
        "",
        "| chunks | |",
        "| --- | ---: |",
        *(f"| {name} | {number} |" for name, number in chunks.items()),
        "",
        f"{summary['seconds']} s.",
    ]
    if summary["incidents"]:
        lines += ["", "## Incidents", ""]
        lines += [
            f"- **{escape(each['source'])}**: {escape(each['message'])}" for each in summary["incidents"]
        ]
    if kept_out:
        lines += ["", "## Kept out", "", "| document | reason |", "| --- | --- |"]
        lines += [f"| {escape(key)} | {escape(reason)} |" for key, reason in kept_out[:_REASONS_SHOWN]]
        if len(kept_out) > _REASONS_SHOWN:
            lines.append(f"\n… and {len(kept_out) - _REASONS_SHOWN} more; see lockgate status --json.")
    _markdown("ingest", "\n".join(lines), f"Ingest of {project.settings.project}")


def access_report(project: Project, summary: Mapping[str, Any]) -> None:
    """What an access sync changed, and how long revocations took."""
    took = summary["revocation_seconds"]
    lines = [
        f"# Access: {summary['changed']} documents under other rules, {summary['revoked']} of them narrower",
        "",
        f"From the source to effect: {took['median']} s (median), {took['max']} s (slowest)."
        if took
        else "Nothing was revoked.",
        "",
        "| source | changed | revoked | |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {escape(each['name'])} | {each['changed']} | {each['revoked']} | {escape(each['error'] or '')} |"
            for each in summary["sources"]
        ),
        "",
        "| directory | changed | as of | good until | |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {escape(each['name'])} | {'yes' if each['changed'] else 'no'} | {each['observed_at'] or ''} "
            f"| {each['good_until'] or 'for ever'} | {escape(each['error'] or '')} |"
            for each in summary["directories"]
        ),
    ]
    _markdown("access", "\n".join(lines), f"Access of {project.settings.project}")


def audit_report(project: Project, summary: Mapping[str, Any]) -> None:
    """Over-grants and under-grants by source, with intervals, and every finding as a row of a table."""
    total = summary["total"]
    rows = [{"name": "all", **total}, *summary["sources"]]
    lines = [
        f"# Audit of access: {total['over_grants']['count']} over-grants, "
        f"{total['under_grants']['count']} under-grants",
        "",
        f"{total['sampled']} of {total['population']} documents were looked at (seed {summary['seed']}), "
        f"in {len(summary['index']['versions'])} versions of the index. Shares with 95 % intervals.",
        "",
        "| source | looked at | over-grants | under-grants | gone | new | repaired | |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | --- |",
        *(
            f"| {escape(each['name'])} | {each['sampled']} of {each['population']} "
            f"| {share_text(each['over_grants'])} | {share_text(each['under_grants'])} "
            f"| {each.get('gone', '')} | {each.get('new', '')} | {each.get('changed', '')} "
            f"| {escape(each.get('error') or '')} |"
            for each in rows
        ),
        *(f"\n{escape(error)}" for error in summary["index"]["errors"]),
    ]
    _markdown("access-audit", "\n".join(lines), f"Audit of access of {project.settings.project}")
    if summary["findings"]:
        _table(
            "access-audit-findings",
            [
                {
                    "document": each["document"],
                    "place": each["place"],
                    "too many": principals_text(each["too_many"]),
                    "missing": principals_text(each["missing"]),
                    "repaired": "yes" if each["repaired"] else "no",
                    "done": each["done"],
                }
                for each in summary["findings"]
            ],
            f"{len(summary['findings'])} of {summary['found']} findings, over-grants first",
        )


def evaluation_report(
    project: Project,
    version: int,
    measurement: Measurement,
    *,
    incumbent: tuple[int, Measurement] | None,
    page: Path | None,
) -> None:
    """Scores of every system with intervals, leaks, failures, worst questions; and where the whole page lies."""
    gate = project.settings.gate
    _markdown(
        "evaluation",
        evaluation_markdown(
            measurement,
            version=version,
            resamples=gate.resamples,
            confidence=gate.confidence,
            seed=gate.seed,
            incumbent=incumbent[1] if incumbent else None,
            incumbent_version=incumbent[0] if incumbent else None,
        ),
        f"Evaluation of version {version}",
    )
    if page is not None and _PUBLISHED.get():
        base = project.settings.evaluation.pages_url
        create_link_artifact(
            key="evaluation-page",
            link=f"{base.rstrip('/')}/{page.name}" if base else page.as_uri(),
            link_text=page.name,
            description=f"Evaluation of version {version}, with passages: for whoever may read all of them. "
            f"It lies on the machine of this run, at {page}.",
        )


def gate_report(version: int, verdict: Verdict) -> None:
    """The decision with its reasons, and every check as a row of a table."""
    _markdown("gate", decision_markdown(verdict), f"The gate on version {version}: {verdict.decision}")
    rows: list[dict[str, Any]] = [dict(row) for row in decision_rows(verdict)]
    if rows:
        _table(
            "gate-checks",
            rows,
            f"Version {version}: {verdict.decision}. "
            + " ".join(reason.sentence for reason in verdict.reasons),
        )


def drift_report(summary: Mapping[str, Any]) -> None:
    """How the promoted release measures now, beside how it did."""
    lines = [
        f"# Release {escape(summary['release'][:12])}, version {summary['version']}: "
        f"{'drifted' if summary['drifted'] else 'steady'}",
        "",
        *([f"- {escape(reason)}" for reason in summary["reasons"]] or ["Nothing moved beyond chance."]),
        "",
        *(
            []
            if summary["compared"]
            else ["It was not measured as it is before, so nothing is compared.", ""]
        ),
        "| metric | before | now | interval of the change |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {escape(name)} | {one['before']:.3f} | {one['now']:.3f} | {one['low']:+.3f} to {one['high']:+.3f} |"
            for name, one in summary["metrics"].items()
        ),
    ]
    _markdown("drift", "\n".join(lines), f"Drift of version {summary['version']}")


def judge_report(summary: Mapping[str, Any]) -> None:
    """Whether the judge still judges as it did."""
    moved, auroc = summary["difference"], summary["auroc"]
    lines = [
        f"# Judge {escape(summary['judge'])}: {'drifted' if summary['drifted'] else 'steady'}",
        "",
        *([f"- {escape(reason)}" for reason in summary["reasons"]] or ["It judges as it did."]),
        "",
        f"Over {summary['labels']} labelled answers its scores moved by {moved['mean']:+.3f} "
        f"({moved['low']:+.3f} to {moved['high']:+.3f}), {summary['moved']} of them by more than 0.1; "
        f"AUROC {auroc['before']:.3f} to {auroc['now']:.3f}; {summary['failures']} failures.",
    ]
    _markdown("judge-drift", "\n".join(lines), f"Drift of the judge {summary['judge']}")


@contextmanager
def unpublished() -> Iterator[None]:
    """Nothing inside leaves an artifact: what is rehearsed would look like the project's own, under its keys."""
    token = _PUBLISHED.set(False)
    try:
        yield
    finally:
        _PUBLISHED.reset(token)


def _markdown(key: str, text: str, description: str) -> None:
    if _PUBLISHED.get():
        create_markdown_artifact(key=key, markdown=text, description=description)


def _table(key: str, rows: list[dict[str, Any]], description: str) -> None:
    if _PUBLISHED.get():
        create_table_artifact(key=key, table=rows, description=description)
