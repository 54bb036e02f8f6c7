"""judge: what the judge of answers is worth, and whether it still judges as it did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from flows.environment import prepare
from rag.settings import load_settings

app = typer.Typer(help="Who judges answers, and what that is worth.", no_args_is_help=True)


@app.command("calibrate")
def calibrate(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="Answers that people labelled; those of the settings if left out."),
    ] = None,
) -> None:
    """Measure the judge against people's labels, and keep that: it may decide in the gate only if it is good."""
    from flows.judging import calibrate_judge
    from flows.project import using

    with using(load_settings(config), migrate=True) as project:
        summary = calibrate_judge(project, labels.resolve() if labels else None)
    show(summary, as_json=as_json, page=_page)


@app.command("status")
def status(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show the judge, how it was calibrated, and whether it may decide in the gate."""
    from flows.judging import judge_status
    from flows.project import using

    with using(load_settings(config), migrate=True) as project:
        summary = judge_status(project)
    show(summary, as_json=as_json, page=_page)


@app.command("drift")
def drift(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Judge the labelled answers again, and compare with the calibration; exit 1 if the judge moved."""
    prepare(load_settings(config).state)
    from flows.drift import judge_drift

    summary = judge_drift(str(config))
    show(summary, as_json=as_json, page=_drift_page)
    if summary["drifted"]:
        raise typer.Exit(1)


def _page(summary: Mapping[str, Any]) -> None:
    out.print(f"[bold]judge[/bold]  {escape(summary['judge'])} ({summary['fingerprint'][:12]})")
    if "auroc" in summary:
        auroc = summary["auroc"]
        out.print(
            f"       AUROC {auroc['mean']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f}), balanced accuracy "
            f"{summary['balanced_accuracy']:.3f}, kappa {summary['kappa']:.3f}, calibration error "
            f"{summary['calibration_error']:.3f}; {summary['labels']} labels, {summary['failures']} failures"
        )
        table = Table("score", "labelled grounded", "answers", box=None, padding=(0, 2))
        for one in summary["curve"]:
            table.add_row(f"{one['score']:.2f}", f"{one['grounded']:.2f}", str(one["n"]))
        out.print(table)
    if summary["votes"]:
        out.print(f"       It may decide in the gate (floor {summary['floor']:g}).")
    else:
        out.print(f"       It may not decide in the gate: {escape(summary['why'])}.")


def _drift_page(summary: Mapping[str, Any]) -> None:
    moved = summary["difference"]
    out.print(
        f"[bold]judge[/bold]  {escape(summary['judge'])}: scores moved by {moved['mean']:+.3f} "
        f"({moved['low']:+.3f} to {moved['high']:+.3f}) over {summary['labels']} labels"
    )
    for reason in summary["reasons"]:
        out.print(f"       [red]drifted[/red]: {escape(reason)}")
    if not summary["drifted"]:
        out.print("       It judges as it did.")
