"""Dataclasses from plain JSON values, as strictly as they were written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from rag.errors import EvaluationError

T = TypeVar("T")


def from_plain(adapter: TypeAdapter[T], value: Mapping[str, object], what: str) -> T:
    """The ``what`` that ``value`` describes; ``EvaluationError`` names the first place that is missing or wrong."""
    try:
        return adapter.validate_json(json.dumps(value, allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvaluationError(f"not a {what}: {first['msg']}", where=place) from error
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"not a {what}: {error}") from error
