"""ledger verify, show, export: what was decided, and whether the record of it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from rag.settings import load_settings

app = typer.Typer(help="The record of every decision.", no_args_is_help=True)


@app.command("verify")
def verify(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    head: Annotated[
        str | None,
        typer.Option("--head", help="A head from before, kept elsewhere; it must be in the chain."),
    ] = None,
) -> None:
    """Find any entry that was changed, removed or put in; exit 1 if there is one."""
    from flows.upkeep import verify_ledger

    show(
        verify_ledger(load_settings(config), head=head),
        as_json=as_json,
        page=lambda found: out.print(f"sound: {found['entries']} entries, head {found['head']}"),
    )


@app.command("show")
def story(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    version: Annotated[int | None, typer.Option("--version", help="Only what is about this version.")] = None,
) -> None:
    """Tell what was decided, when and why."""
    from flows.upkeep import ledger_story

    show(ledger_story(load_settings(config), version), as_json=as_json, page=_story_page)


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where; one that is there is replaced.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Write the ledger to a file, for restore and for keeping elsewhere."""
    from flows.upkeep import export_project_ledger

    show(export_project_ledger(load_settings(config), file), as_json=as_json, page=_export_page)


def _story_page(summary: Mapping[str, Any]) -> None:
    if not summary["entries"]:
        out.print("nothing was decided yet")
    for entry in summary["entries"]:
        about = f" version {entry['version']}" if entry["version"] is not None else ""
        document = entry["details"].get("document")
        by = f", by {entry['details']['by']}" if entry["details"].get("by") else ""
        what = f" {document}" if document else ""
        out.print(
            f"{entry['number']:>4}  {entry['decided_at'][:19]}  [bold]{entry['kind']}[/bold]"
            f"{about}{escape(what + by)}"
        )
        for reason in entry["reasons"]:
            out.print(f"      {escape(reason)}")


def _export_page(summary: Mapping[str, Any]) -> None:
    out.print(f"{escape(summary['file'])}: {summary['entries']} entries, head {summary['head']}")
    for problem in summary["problems"]:
        out.print(f"[red]{escape(problem)}[/red]")
