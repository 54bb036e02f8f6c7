"""ingest, evaluate, promote, run, rollback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.options import DEFAULT_CONFIG, By, Config, Json, person
from flows.cli.output import bars, out, show
from flows.environment import prepare
from rag.settings import load_settings

EXIT_OF = {"promote": 0, "block": 3, "hold": 4}
Version = Annotated[int | None, typer.Option("--version", help="A version other than the one that waits.")]


def ingest(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    source: Annotated[str | None, typer.Option("--source", help="Only this source.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the index from the catalog, not from the last version.")
    ] = False,
    accept_deletions: Annotated[
        int,
        typer.Option("--accept-deletions", min=0, help="Confirm that --source lost so many documents."),
    ] = 0,
    accept_unruled: Annotated[
        int,
        typer.Option(
            "--accept-unruled",
            min=0,
            help="Confirm that --source says no more who may read so many documents.",
        ),
    ] = 0,
    by: By = None,
) -> None:
    """Build a candidate version from what changed in the sources."""

    def work() -> dict[str, Any]:
        from flows.ingest import ingest as flow

        return flow(str(config), source, rebuild, accept_deletions, accept_unruled, person(by))

    run_flow(config, work, as_json, ingest_page)


def evaluate(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    version: Version = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write the questions to this file as JUnit XML too.")
    ] = None,
) -> None:
    """Measure a version against the golden questions."""

    def work() -> dict[str, Any]:
        from flows.evaluate import evaluate as flow

        return flow(str(config), version, str(junit) if junit else None)

    run_flow(config, work, as_json, evaluate_page)


def promote(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    version: Version = None,
    approve: Annotated[bool, typer.Option("--approve", help="Let through what the gate holds.")] = False,
    by: By = None,
) -> None:
    """Ask the gate; move the pointer if it says so."""

    def work() -> dict[str, Any]:
        from flows.promote import promote as flow

        return cast(
            dict[str, Any], flow(str(config), version, approve, person(by))
        )  # Prefect says: or a state

    run_flow(config, work, as_json, promote_page)


def run(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Ingest, evaluate, promote: the main job."""

    def work() -> dict[str, Any]:
        from flows.run import run as flow

        return cast(dict[str, Any], flow(str(config)))

    def page(summary: Mapping[str, Any]) -> None:
        ingest_page(summary["ingest"])
        evaluate_page(summary["evaluate"])
        promote_page(summary["promote"])

    run_flow(config, work, as_json, page)


def rollback(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    to: Annotated[int | None, typer.Option("--to", help="A version that was promoted before.")] = None,
    by: By = None,
) -> None:
    """Move the pointer back."""
    from flows.rollback import roll_back_project

    summary = roll_back_project(load_settings(config), to=to, by=person(by))
    show(
        summary,
        as_json=as_json,
        page=lambda done: out.print(
            f"Version {done['to']} is promoted; before, it was version {done['from']}."
        ),
    )


def run_flow(
    config: Path,
    work: Callable[[], dict[str, Any]],
    as_json: bool,
    page: Callable[[Mapping[str, Any]], None],
) -> None:
    """Runs a flow with progress bars, prints what it found, and ends with the contract's exit code."""
    prepare(load_settings(config).state)
    from flows.incidents import IncidentError

    try:
        with bars():
            summary = work()
    except IncidentError as incident:
        show(incident.summary, as_json=as_json, page=page)
        raise
    show(summary, as_json=as_json, page=page)
    decision = summary.get("promote", summary).get("decision", "promote")
    raise typer.Exit(EXIT_OF[decision])


def ingest_page(summary: Mapping[str, Any]) -> None:
    documents, chunks = summary["documents"], summary["chunks"]
    made = f"version {summary['version']}" if summary["built"] else "nothing changed; no new version"
    out.print(f"[bold]ingest[/bold]    {made}, {summary['seconds']:.1f} s")
    out.print(
        "          documents: " + ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in documents.items())
    )
    out.print("          chunks:    " + ", ".join(f"{n} {name}" for name, n in chunks.items()))


def evaluate_page(summary: Mapping[str, Any]) -> None:
    systems = summary["systems"]
    out.print(
        f"[bold]evaluate[/bold]  version {summary['version']}: {summary['questions']} questions, "
        f"{len(summary['leaks'])} leaks, {len(summary['failures'])} failures"
    )
    if not summary["metrics"]:
        out.print("          nothing was scored: no golden question is answerable")
        return
    table = Table("metric", *systems, box=None, padding=(0, 2))
    for metric in summary["metrics"]:
        table.add_row(
            metric,
            *(_interval(found[metric]) if metric in found else "" for found in systems.values()),
        )
    out.print(table)


def promote_page(summary: Mapping[str, Any]) -> None:
    color = {"promote": "green", "hold": "yellow", "block": "red"}[summary["decision"]]
    out.print(f"[bold]gate[/bold]      [{color}]{summary['decision']}[/{color}] version {summary['version']}")
    for reason in summary["reasons"]:
        out.print(f"          {escape(reason)}")


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
