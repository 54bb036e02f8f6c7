"""purge, sweep, backup, restore."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows.cli.options import DEFAULT_CONFIG, By, Config, Json, person
from flows.cli.output import out, show
from rag.settings import load_settings


def purge(
    document: Annotated[str, typer.Argument(help="<source>/<id>")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    by: By = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Let it be ingested again; needs --confirm undo-purge.")
    ] = False,
    confirm: Annotated[str | None, typer.Option("--confirm", help="The word that --undo needs.")] = None,
) -> None:
    """Remove a document everywhere, at once, for good."""
    from flows.upkeep import purge_document, undo_purge_of

    settings = load_settings(config)
    if undo:
        summary = undo_purge_of(settings, document, word=confirm, by=person(by))
    else:
        summary = purge_document(settings, document, by=person(by))
    show(summary, as_json=as_json, page=_purge_page)


def sweep(
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Take away the versions that retention no longer keeps, and what killed runs left behind."""
    from flows.upkeep import sweep_project

    show(sweep_project(load_settings(config), dry_run=dry_run), as_json=as_json, page=_sweep_page)


def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Write catalog, index, vector cache and ledger to a folder, while readers go on."""
    from flows.upkeep import back_up_project

    show(back_up_project(load_settings(config), directory), as_json=as_json, page=_backup_page)


def restore(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What backup wrote.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    by: By = None,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="The last export of the ledger: what happened since.")
    ] = None,
    without_ledger: Annotated[
        bool, typer.Option("--without-ledger", help="Do without: purges and revocations since are lost.")
    ] = False,
) -> None:
    """Bring a backup back into an empty place, and apply what was purged and revoked since."""
    from flows.upkeep import restore_project

    summary = restore_project(
        load_settings(config), directory, ledger=ledger, without_ledger=without_ledger, by=person(by)
    )
    show(summary, as_json=as_json, page=_restore_page)


def _purge_page(summary: Mapping[str, Any]) -> None:
    if summary["purged"] is None:
        out.print(
            f"{escape(summary['undone'])} may be ingested again; the next ingest takes it if it is there."
        )
        return
    said = "is purged" if summary["new"] else "was purged already"
    out.print(f"{escape(summary['purged'])} {said}: nobody can retrieve it, on any version.")
    if not summary["erased"]:
        out.print("Another run is writing; it erases what is left in index and cache when it ends.")


def _sweep_page(summary: Mapping[str, Any]) -> None:
    verb = "would go" if summary["dry_run"] else "gone"
    versions = ", ".join(str(version) for version in summary["versions"]) or "none"
    out.print(
        f"versions {verb}: {versions}; kept: {', '.join(str(version) for version in summary['kept']) or 'none'}"
    )
    out.print(
        f"{summary['revisions']} revisions, {summary['chunks']} chunks, {summary['vectors']} cached vectors {verb}"
    )
    for name in summary["leftovers"]:
        out.print(f"  left behind by a killed run: {escape(name)}")


def _backup_page(summary: Mapping[str, Any]) -> None:
    out.print(
        f"{escape(summary['folder'])}: version {summary['promoted']} promoted, "
        f"{len(summary['versions'])} versions, "
        f"{summary['files']} files, {summary['bytes'] / 1e6:.1f} MB"
    )
    out.print(f"ledger: {summary['entries']} entries, head {summary['head']}")


def _restore_page(summary: Mapping[str, Any]) -> None:
    out.print(f"Restored from {summary['created_at']}: version {summary['promoted']} is promoted.")
    replayed = summary["replayed"]
    out.print(
        f"Applied since: {replayed['entries']} ledger entries, {replayed['purged']} purges, "
        f"{replayed['access_changed']} changed rules."
    )
    if summary["unknown_since"]:
        out.print(
            f"[yellow]What was purged or revoked since {summary['unknown_since']} is not known: "
            "run lockgate ingest to take the sources' rules again, and purge again what was purged.[/yellow]"
        )
    out.print("Restart the applications that read this project.")
