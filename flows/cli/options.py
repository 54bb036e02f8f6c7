"""Options that every command takes."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", help="The project's settings.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
By = Annotated[
    str | None, typer.Option("--by", help="In whose name, for the ledger; the system's user if left out.")
]
DEFAULT_CONFIG = Path("lockgate.yaml")


def person(by: str | None) -> str | None:
    """``by``, or the name of the system's user; None where there is none to be had."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user number without a name, as containers have them
        return None
