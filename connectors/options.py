"""A source's own options, checked against the settings of its connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rag.errors import ConfigurationError, unknown

S = TypeVar("S", bound=BaseModel)

# Every key of a source that is not one of these comes here, so a misspelt one of these does too.
SOURCE_KEYS = ("name", "connector", "access", "freshness", "deletions", "owner", "schedule")


def validated(
    settings: type[S], options: Mapping[str, object], *, where: str, beside: tuple[str, ...] = SOURCE_KEYS
) -> S:
    """``options`` as ``settings``; raises ``ConfigurationError`` with all that is wrong, but no value.

    ``beside`` are the keys that stand beside the options, and that an unknown one may be meant for.
    """
    try:
        return settings.model_validate(dict(options))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        texts = [_text(detail, settings, beside) for detail in details]
    what = texts[0] if len(texts) == 1 else f"{len(texts)} problems: " + "; ".join(texts)
    raise ConfigurationError(what, where=where)


def _text(detail: ErrorDetails, settings: type[BaseModel], beside: tuple[str, ...]) -> str:
    *above, last = detail["loc"]
    if detail["type"] == "extra_forbidden" and not above:
        return unknown("key", str(last), (*settings.model_fields, *beside))
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    if detail["type"] == "missing":
        return f"{path} is missing"
    if detail["type"] == "value_error":
        return f"{path}: {detail['ctx']['error']}"
    return f"{path}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
