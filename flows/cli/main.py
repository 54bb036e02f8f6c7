"""The command ``lockgate``."""

from __future__ import annotations

import sys

import typer
from rich.markup import escape

from flows.cli import access, gate, golden, inspect, judge, ledger, pipeline, project, serve, upkeep
from flows.cli.output import err
from rag.errors import LockgateError

app = typer.Typer(
    name="lockgate",
    help="Nothing reaches the application unmeasured, and no reader gets what they may not see.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("init")(project.init)
app.command("ingest")(pipeline.ingest)
app.command("evaluate")(pipeline.evaluate)
app.command("promote")(pipeline.promote)
app.command("run")(pipeline.run)
app.command("rollback")(pipeline.rollback)
app.command("search")(inspect.search)
app.command("ask")(inspect.ask)
app.add_typer(access.app, name="access")
app.add_typer(golden.app, name="golden")
app.add_typer(judge.app, name="judge")
app.add_typer(gate.app, name="gate")
app.command("freshness")(inspect.freshness)
app.command("status")(inspect.status)
app.command("purge")(upkeep.purge)
app.command("sweep")(upkeep.sweep)
app.command("backup")(upkeep.backup)
app.command("restore")(upkeep.restore)
app.add_typer(ledger.app, name="ledger")
app.command("up")(serve.up)


def main() -> None:
    """Runs the command; the exit code is the contract's."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs the command with these arguments and returns its exit code.

    0 done, 1 failed, 2 wrong usage or configuration, 3 the gate blocked, 4 held.
    """
    try:
        app(arguments)
    except LockgateError as error:
        err.print(f"[red]lockgate:[/red] {escape(str(error))}")
        return error.exit_code
    except SystemExit as ended:  # a command ends in one, whatever became of it
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
