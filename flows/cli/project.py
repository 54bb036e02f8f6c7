"""init: a starting project."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from flows.cli.options import Json
from flows.cli.output import out, show
from rag.errors import UsageError

# Packaging tools leave out files whose names begin with a dot.
_DOTTED = {"access.yaml": ".access.yaml"}


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where; made if it is not there.")
    ] = Path(),
    as_json: Json = False,
) -> None:
    """Write a starting project."""
    wanted = dict(_templates(files("flows") / "templates", PurePosixPath()))
    present = [str(directory / name) for name in wanted if (directory / name).exists()]
    if present:
        raise UsageError(
            f"{', '.join(present)} {'is' if len(present) == 1 else 'are'} there already",
            state="Nothing was written",
            next_step="Name another folder",
        )
    for name, text in wanted.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    show({"created": [str(directory / name) for name in wanted]}, as_json=as_json, page=_page)


def _templates(folder: Traversable, below: PurePosixPath) -> list[tuple[PurePosixPath, str]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _templates(entry, below / entry.name)
        else:
            found.append((below / _DOTTED.get(entry.name, entry.name), entry.read_text(encoding="utf-8")))
    return found


def _page(summary: Mapping[str, Any]) -> None:
    for path in summary["created"]:
        out.print(f"wrote {path}")
    out.print("Next: lockgate run")
