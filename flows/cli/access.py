"""access explain: may they read it, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from rag.settings import load_settings

app = typer.Typer(help="Who may read what, and why.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``explain`` a command of its own while it is the only one."""


@app.command("explain")
def explain(
    principal: Annotated[str, typer.Argument(help="user:…, group:… or public.")],
    document: Annotated[str, typer.Argument(help="<source>/<id>")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Say whether a principal may read a document, and by which rule."""
    from flows.explaining import explain_access

    show(explain_access(load_settings(config), principal, document), as_json=as_json, page=_page)


def _page(summary: Mapping[str, Any]) -> None:
    out.print(
        "allowed:" if summary["allowed"] else "denied:",
        escape(summary["principal"]),
        escape(summary["document"]),
    )
    for step in summary["because"]:
        out.print(f"  {escape(step)}")
