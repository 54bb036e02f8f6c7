"""A source's own options, checked against the settings of its connector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rag.errors import ConfigurationError

S = TypeVar("S", bound=BaseModel)

# Every key of a source that is not one of these comes here, so a misspelt one of these does too.
SOURCE_KEYS = ("name", "connector", "access", "freshness", "owner", "schedule")


def validated(settings: type[S], options: Mapping[str, object], *, where: str) -> S:
    """``options`` as ``settings``; raises ``ConfigurationError`` with all that is wrong, but no value."""
    try:
        return settings.model_validate(dict(options))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        texts = [_text(detail, settings) for detail in details]
    what = texts[0] if len(texts) == 1 else f"{len(texts)} problems: " + "; ".join(texts)
    raise ConfigurationError(what, where=where)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown key 'pth'; did you mean 'path'?``, or the list of what is known if none is near."""
    by_lower = {entry.lower(): entry for entry in sorted(known)}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    if close:
        return f"unknown {kind} {name!r}; did you mean {by_lower[close[0]]!r}?"
    return f"unknown {kind} {name!r}; known are {', '.join(by_lower.values())}"


def _text(detail: ErrorDetails, settings: type[BaseModel]) -> str:
    *above, last = detail["loc"]
    if detail["type"] == "extra_forbidden" and not above:
        return unknown("key", str(last), (*settings.model_fields, *SOURCE_KEYS))
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    if detail["type"] == "missing":
        return f"{path} is missing"
    if detail["type"] == "value_error":
        return f"{path}: {detail['ctx']['error']}"
    return f"{path}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
