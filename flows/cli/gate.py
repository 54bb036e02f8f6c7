"""gate selftest: does the gate stop what it is there to stop?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import bars, out, show
from flows.environment import prepare
from rag.settings import load_settings

app = typer.Typer(help="What decides on promotion.", no_args_is_help=True)
_COLOURS = {"promote": "green", "hold": "yellow"}


@app.callback()
def _gate() -> None:
    """What decides on promotion."""


@app.command("selftest")
def selftest(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Ask the gate about candidates that are known to be bad or good; exit 1 if it is wrong about one.

    They are made of this project, in a temporary folder: nothing of its state is changed.
    """
    prepare(load_settings(config).state)
    from flows.selftest.flow import gate_selftest

    with bars():
        summary = cast(dict[str, Any], gate_selftest(str(config)))  # Prefect says: or a state
    show(summary, as_json=as_json, page=_page)
    if not summary["caught"]:
        raise typer.Exit(1)


def _page(summary: Mapping[str, Any]) -> None:
    table = Table("candidate", "", "decision", "checks that did not pass", box=None, padding=(0, 2))
    for one in summary["candidates"]:
        colour = _COLOURS.get(one["decision"], "red")
        wrong = "" if one["passed"] else "  [red]and should not be[/red]"
        table.add_row(
            one["name"],
            f"[dim]{escape(one['what'])}[/dim]",
            f"[{colour}]{one['decision']}[/{colour}]{wrong}",
            escape(", ".join(one["checks"])),
        )
    out.print(table)
    for one in summary["candidates"]:
        if one["bad"] or not one["passed"]:
            out.print(f"\n[bold]{escape(one['name'])}[/bold]")
            for reason in one["reasons"][: 1 if one["passed"] else None]:
                out.print(f"  {escape(reason)}")
            if one["advice"]:
                out.print(f"  [yellow]{escape(one['advice'])}[/yellow]")
    said = "[green]as it should[/green]" if summary["caught"] else "[red]not as it should[/red]"
    out.print(f"\nThe gate decides {said}; {summary['seconds']:.0f} s.")
