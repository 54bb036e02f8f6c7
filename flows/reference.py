"""The generated reference pages: settings and metrics, from the code that defines them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors.registry import KNOWN
from evals.metrics import METRICS
from rag.settings import Settings

_NOTE = "This page is generated from the code by `make docs`; a test compares the two.\n"


def settings_page() -> str:
    """Every key of ``lockgate.yaml``, section by section, then every connector's own keys."""
    parts = ["# Settings: lockgate.yaml\n", _NOTE]
    parts += _sections("", Settings)
    for name, kind in KNOWN.items():
        parts.append(f"## sources[]: connector `{name}`\n")
        parts.append(f"{_first_line(kind.settings)}\n")
        parts.append(_table(kind.settings))
    return "\n".join(parts)


def metrics_page() -> str:
    """Every metric: what it is of, range, direction, the value of a failed question, and where it is defined."""
    lines = [
        "# Metrics\n",
        _NOTE,
        "| metric | of | questions | range | better | of a failed question | defined in |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in METRICS.values():
        what = f"the judged {one.of}" if one.judged else f"the {one.of}"
        better = "higher" if one.higher_is_better else "lower"
        lines.append(
            f"| {one.name} | {what} | {_SCOPES[one.scope]} | {one.low:g} to {one.high:g} | {better} "
            f"| {one.default:g} | {one.citation} |"
        )
    return "\n".join(lines) + "\n"


_SCOPES = {
    "answerable": "answerable",
    "evidence": "with evidence",
    "reference": "with a reference answer",
    "all": "all",
}
PAGES = {"settings.md": settings_page, "metrics.md": metrics_page}


def _sections(path: str, model: type[BaseModel]) -> list[str]:
    parts = [f"## {path or 'top level'}\n", f"{_first_line(model)}\n", _table(model)]
    for name, info in model.model_fields.items():
        for inner in _models(info.annotation):
            suffix = (
                "[]" if "tuple" in str(info.annotation) else ".*" if "dict" in str(info.annotation) else ""
            )
            parts += _sections(f"{path}.{name}{suffix}".lstrip("."), inner)
    return parts


def _table(model: type[BaseModel]) -> str:
    lines = ["| key | default | |", "| --- | --- | --- |"]
    for name, info in model.model_fields.items():
        if name == "options":
            continue  # the connector's own keys, which stand beside these
        lines.append(f"| `{name}` | {_default(info)} | {_cell(info.description)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _default(info: FieldInfo) -> str:
    if info.default is PydanticUndefined:
        return "required"
    if isinstance(info.default, BaseModel) or info.default == {} or _models(info.annotation):
        return "see below"
    plain = info.default
    if hasattr(plain, "get_secret_value"):
        plain = plain.get_secret_value()
    if hasattr(plain, "total_seconds"):
        plain = f"{plain.total_seconds():.0f}s"
    if isinstance(plain, tuple):
        plain = list(plain)
    return "none" if plain is None else f"`{plain}`"


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The sections inside an annotation, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in getattr(annotation, "__args__", ()) for found in _models(inner)]


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def main(directory: Path) -> None:
    """Writes the pages into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (directory / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
