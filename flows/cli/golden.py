"""golden check, stats, suggest: are the questions sound, what do they cover, and which are missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flows.cli.options import DEFAULT_CONFIG, Config, Json
from flows.cli.output import out, show
from rag.settings import load_settings

app = typer.Typer(help="The questions that decide what is promoted.", no_args_is_help=True)
_SHOWN = 50


@app.command("check")
def check(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Find questions that prove nothing or the wrong thing; exit 2 if one is an error."""
    from flows.golden import check_golden

    summary = check_golden(load_settings(config))
    show(summary, as_json=as_json, page=_check_page)
    if summary["errors"]:
        raise typer.Exit(2)


@app.command("stats")
def stats(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show what the questions cover, and the smallest regression that they can tell from luck."""
    from flows.golden import golden_stats

    show(golden_stats(load_settings(config)), as_json=as_json, page=_stats_page)


@app.command("suggest")
def suggest(
    principal: Annotated[str, typer.Option("--as", help="Who asks: user:…, group:… or public.")],
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
    file: Annotated[Path, typer.Option("--out", help="Where; it must not be there yet.")] = Path(
        "golden-suggestions.jsonl"
    ),
    most: Annotated[int, typer.Option("-n", min=1, help="So many of the log, and of the corpus.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Another one proposes other documents.")] = 0,
) -> None:
    """Write candidates to a file for a person to review: from the corpus, and from what readers asked."""
    from flows.golden import suggest_golden

    summary = suggest_golden(load_settings(config), file, principal=principal, most=most, seed=seed)
    show(summary, as_json=as_json, page=_suggest_page)


def _check_page(summary: Mapping[str, Any]) -> None:
    for each in summary["findings"]:
        colour = "red" if each["severity"] == "error" else "yellow"
        out.print(
            f"[{colour}]{each['severity']}[/{colour}] {escape(each['where'])}: {escape(each['question'])}: "
            f"{escape(each['sentence'])} ({each['kind']})"
        )
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary["questions"].items())
    out.print(f"{kinds} questions: {summary['errors']} errors, {summary['warnings']} warnings")


def _stats_page(summary: Mapping[str, Any]) -> None:
    sources = Table("source", "documents", "expected by a question", "questions", box=None, padding=(0, 2))
    for name, each in summary["sources"].items():
        sources.add_row(escape(name), str(each["documents"]), str(each["expected"]), str(each["questions"]))
    out.print(sources)
    for metric, found in summary["detectable"].items():
        table = Table("slice", "questions", f"smallest fall of {metric} noticed", box=None, padding=(0, 2))
        for name, each in list(found.items())[:_SHOWN]:
            fall = (
                "—"
                if each["fall"] is None
                else f"{each['fall']:.3f}" + ("" if each["measured"] else " or less")
            )
            table.add_row(escape(name), str(each["n"]), fall)
        out.print(table)
        if len(found) > _SHOWN:
            out.print(f"and {len(found) - _SHOWN} more slices (--json has them)")
    if not summary["detectable"]:
        out.print("Nothing was measured with these questions yet: lockgate evaluate")


def _suggest_page(summary: Mapping[str, Any]) -> None:
    out.print(
        f"{escape(summary['file'])}: {summary['from_log']} from what readers asked, "
        f"{summary['from_corpus']} from documents that no question expects"
    )
    if not summary["log_has_questions"]:
        out.print("The access log does not keep what is asked (access.log.questions: text would).")
    out.print(
        'Put each as somebody would ask, check what it expects, take "review" out, and add it to the set.'
    )
