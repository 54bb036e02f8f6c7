"""search, ask, freshness, status: looking, without changing anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from flows.environment import prepare
from rag.errors import UsageError
from rag.settings import load_settings

_SHOWN_CHARACTERS = 300


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    principal: Annotated[str, typer.Option("--as", help="On whose behalf: user:…, group:… or public.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    limit: Annotated[int, typer.Option("-k", help="Passages at most.")] = 5,
    version: Annotated[
        int | None, typer.Option("--version", help="A version other than the promoted.")
    ] = None,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", help="KEY=VALUE: source, format or document.")
    ] = None,
) -> None:
    """Show what the application would get."""
    settings = load_settings(config)
    prepare(settings.state)
    from rag import Retriever

    with Retriever.open(config, application="lockgate search") as retriever:
        found = retriever.search_version(
            query, principal=principal, limit=limit, version=version, match=_filters(filters or [])
        )
    summary = {"version": found.version, "hits": [hit.to_dict() for hit in found.hits]}
    show(summary, as_json=as_json, page=_search_page)


def ask(
    question: Annotated[str, typer.Argument(help="What to answer.")],
    principal: Annotated[str, typer.Option("--as", help="On whose behalf: user:…, group:… or public.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    version: Annotated[
        int | None,
        typer.Option("--version", help="A version other than the promoted, answered as configured."),
    ] = None,
) -> None:
    """Answer from what the principal may read, every sentence with its source, or refuse."""
    settings = load_settings(config)
    prepare(settings.state)
    from rag import Assistant

    with Assistant.open(config, application="lockgate ask") as assistant:
        answer = assistant.ask(question, principal=principal, version=version)
    show(answer.to_dict(), as_json=as_json, page=_ask_page)


def freshness(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show each source against its limit."""
    from flows.reporting import freshness_of

    summary = {"sources": freshness_of(load_settings(config))}
    show(summary, as_json=as_json, page=_freshness_page)


def status(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show what is promoted, what waits, and how fresh it is."""
    from flows.reporting import status_of

    show(status_of(load_settings(config)), as_json=as_json, page=_status_page)


def _filters(given: list[str]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in given]
    for key, equals, value in pairs:
        if not (key and equals and value):
            raise UsageError(f"the filter {key + equals + value!r} is not KEY=VALUE")
    return {key: value for key, _, value in pairs}


def _ask_page(summary: Mapping[str, Any]) -> None:
    out.print(escape(summary["answer"]))
    for one in summary["citations"]:
        page = f", page {one['page']}" if one["page"] else ""
        out.print(escape(f"[{one['number']}] {one['title']}: {one['document']}{page}"), style="dim")
    spent = summary["usage"]
    if spent["calls"]:
        out.print(
            f"{spent['calls']} calls, {spent['prompt_tokens']} + {spent['completion_tokens']} tokens, "
            f"{spent['cost']:.4f}",
            style="dim",
        )


def _search_page(summary: Mapping[str, Any]) -> None:
    out.print(f"version {summary['version']}: {len(summary['hits'])} passages")
    for hit in summary["hits"]:
        page = f", page {hit['page']}" if hit["page"] else ""
        out.print(
            f"\n[bold]{hit['rank']}. {escape(hit['title'])}[/bold]  [dim]{escape(hit['document'])}{page}[/dim]"
        )
        text = " ".join(hit["text"].split())
        out.print(escape(text[:_SHOWN_CHARACTERS] + ("…" if len(text) > _SHOWN_CHARACTERS else "")))


def _freshness_page(summary: Mapping[str, Any]) -> None:
    table = Table("source", "lag", "limit", "", box=None, padding=(0, 2))
    for each in summary["sources"]:
        verdict = "fresh" if each["fresh"] else "[red]stale[/red]"
        table.add_row(each["name"], _span(each["lag_seconds"]), _span(each["limit_seconds"]), verdict)
    out.print(table)


def _status_page(summary: Mapping[str, Any]) -> None:
    for name in ("promoted", "candidate"):
        found = summary[name]
        said = (
            f"version {found['version']}, {found['documents']} documents, {found['chunks']} chunks"
            if found
            else "none"
        )
        out.print(f"{name:<10} {said}")
    out.print(f"{'writing':<10} {'yes' if summary['writing'] else 'no'}")
    if summary["erasing"]:
        out.print(f"{'erasing':<10} {summary['erasing']} purged documents: the next ingest or sweep ends it")
    for each in summary["versions"]:
        if each["swept_at"]:
            continue
        out.print(
            f"version {each['version']:<4} {each['state']:<10} "
            f"{each['documents']} documents, {each['chunks']} chunks"
        )
    for each in summary["sources"]:
        out.print(f"source {each['name']}: {each['documents']}, {'fresh' if each['fresh'] else 'stale'}")
        if each["incident"]:
            out.print(f"  [red]{escape(each['incident'])}[/red]")
    if summary["quarantined"]:
        out.print(f"kept out: {len(summary['quarantined'])}")
        for each in summary["quarantined"][:20]:
            out.print(f"  {escape(each['document'])}: {escape(each['reason'])}")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
