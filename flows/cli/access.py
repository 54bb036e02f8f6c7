"""access: may they read it and by which rule; what changed, in effect now; do readers get what sources say; who was
given what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from flows.cli.pipeline import run_flow
from rag.settings import load_settings

_SHOWN_DOCUMENTS = 5

app = typer.Typer(help="Who may read what, and why.", no_args_is_help=True)


@app.command("explain")
def explain(
    principal: Annotated[str, typer.Argument(help="user:…, group:… or public.")],
    document: Annotated[str, typer.Argument(help="<source>/<id>")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    at: Annotated[
        datetime | None,
        typer.Option("--at", help="By the rule of then, such as 2026-03-01T12:00:00 (local time)."),
    ] = None,
) -> None:
    """Say whether a principal may read a document, and by which rule."""
    from flows.explaining import explain_access

    moment = at.astimezone() if at is not None else None
    show(explain_access(load_settings(config), principal, document, at=moment), as_json=as_json, page=_page)


@app.command("sync")
def sync(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Apply changed rules and memberships now, to every version."""

    def work() -> dict[str, Any]:
        from flows.access_sync import access_sync

        return access_sync(str(config))

    run_flow(config, work, as_json, _sync_page)


@app.command("audit")
def audit(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    sample: Annotated[
        int, typer.Option("--sample", min=1, help="Look at so many documents of each source.")
    ] = 200,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Look at the documents of an earlier audit again.")
    ] = None,
) -> None:
    """Compare catalog and index with what sources say now, and repair what differs."""

    def work() -> dict[str, Any]:
        from flows.access_audit import access_audit

        return access_audit(str(config), sample, seed)

    run_flow(config, work, as_json, _audit_page)


def _audit_page(summary: Mapping[str, Any]) -> None:
    from flows.audit_summary import principals_text, share_text

    for each in ({"name": "all", **summary["total"]}, *summary["sources"]):
        out.print(
            f"[bold]{escape(each['name'])}[/bold]  {each['sampled']} of {each['population']} documents: "
            f"over-grants {share_text(each['over_grants'])}, under-grants {share_text(each['under_grants'])}"
        )
    for each in summary["findings"]:
        out.print(f"{escape(each['document'])} ({each['place']}): {escape(each['done'])}")
        for name in ("too_many", "missing"):
            if each[name]["count"]:
                out.print(f"  {name.replace('_', ' ')}: {escape(principals_text(each[name]))}")
    if summary["found"] > len(summary["findings"]):
        out.print(f"… and {summary['found'] - len(summary['findings'])} more")
    out.print(f"Seed {summary['seed']}; {summary['seconds']} s.")


def _sync_page(summary: Mapping[str, Any]) -> None:
    took = summary["revocation_seconds"]
    out.print(
        f"{summary['changed']} documents are under other rules, {summary['revoked']} of them narrower"
        + (f"; from the source to effect {took['median']} s, at most {took['max']} s." if took else ".")
    )
    for each in summary["directories"]:
        if each["changed"]:
            out.print(f"{escape(each['name'])} has other members.")


def _page(summary: Mapping[str, Any]) -> None:
    out.print(
        "allowed:" if summary["allowed"] else "denied:",
        escape(summary["principal"]),
        escape(summary["document"]),
    )
    for step in summary["because"]:
        out.print(f"  {escape(step)}")


@app.command("log")
def log(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    principal: Annotated[str | None, typer.Option("--as", help="What this principal asked.")] = None,
    document: Annotated[str | None, typer.Option("--document", help="Who was given <source>/<id>.")] = None,
    limit: Annotated[int, typer.Option("-n", min=1, help="Searches at most.")] = 100,
) -> None:
    """Show who asked, as whom, and what they were given: the latest first."""
    from flows.access_log import access_log_of

    summary = access_log_of(load_settings(config), principal=principal, document=document, limit=limit)
    show(summary, as_json=as_json, page=_log_page)


def _log_page(summary: Mapping[str, Any]) -> None:
    table = Table("at", "application", "principal", "version", "given", box=None, padding=(0, 2))
    for each in summary["entries"]:
        given = list(dict.fromkeys(passage["document"] for passage in each["returned"]))
        shown = ", ".join(given[:_SHOWN_DOCUMENTS]) + (" …" if len(given) > _SHOWN_DOCUMENTS else "")
        table.add_row(
            each["at"],
            escape(each["application"]),
            escape(each["principal"]),
            str(each["version"]),
            escape(shown) or "nothing",
        )
    out.print(table)
    if summary["unreadable"]:
        out.print(f"{summary['unreadable']} lines were cut off, as when a disk is full.")
