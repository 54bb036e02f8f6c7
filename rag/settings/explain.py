"""Pydantic's errors as problems with a line, in words that hold no value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rag.errors import unknown
from rag.settings.base import LocatedError
from rag.settings.problems import KeyPath, Problem
from rag.settings.settings import Settings
from rag.settings.yaml_file import YamlFile

_TEXTS = {
    "dict_type": "expected keys and values",
    "finite_number": "expected a finite number",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
    "missing": "is missing",
    "model_attributes_type": "expected keys and values",
    "model_type": "expected keys and values",
    "path_type": "expected a path",
    "string_pattern_mismatch": "does not match {pattern}",
    "string_too_long": "expected at most {max_length} characters",
    "string_too_short": "expected at least {min_length} character(s)",
    "string_type": "expected text",
    "too_short": "expected at least {min_length} of them",
    "tuple_type": "expected a list",
    "union_tag_invalid": "expected {expected_tags}",
    "union_tag_not_found": "is missing",
}


def explain(error: ValidationError, file: YamlFile) -> Iterator[Problem]:
    """One problem for each of pydantic's errors about ``file``."""
    details = error.errors(include_url=False, include_input=False)
    for detail in details:
        if detail["type"] == "too_short" and any(_below(other, detail) for other in details):
            # Pydantic counts only the entries that are right.
            continue
        path, models = _resolve(detail, file)
        line = file.line(path)
        if detail["type"] == "extra_forbidden":
            known = [name for model in models for name in model.model_fields]
            yield Problem(path[:-1], line, unknown("key", str(path[-1]), known))
        elif detail["type"] == "value_error":
            cause = detail["ctx"]["error"]
            if isinstance(cause, LocatedError):
                path += cause.path
            yield Problem(path, file.line(path), str(cause))
        else:
            # Pydantic's own message can quote the value, so an unforeseen kind is named and not quoted.
            text = _TEXTS.get(detail["type"], f"is not valid ({detail['type']})")
            yield Problem(path, line, text.format_map(detail.get("ctx", {})))


def _below(inner: ErrorDetails, outer: ErrorDetails) -> bool:
    depth = len(outer["loc"])
    return len(inner["loc"]) > depth and inner["loc"][:depth] == outer["loc"]


def _resolve(detail: ErrorDetails, file: YamlFile) -> tuple[KeyPath, list[type[BaseModel]]]:
    """The path in the file, without the names that pydantic adds to it, and the models that the last key was
    looked up in."""
    path: KeyPath = ()
    models: list[type[BaseModel]] = [Settings]
    location = detail["loc"]
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if (*path, part) in file.lines or (last and detail["type"] == "missing"):
            path = (*path, part)
            held = [model.model_fields[part] for model in models if part in model.model_fields]
            if not last and held:
                models = [inner for field in held for inner in _models(field.annotation)]
        else:
            tagged = [
                m for m in models if any(get_args(f.annotation) == (part,) for f in m.model_fields.values())
            ]
            models = tagged or models
    if detail["type"].startswith("union_tag"):
        path = (*path, "store")
    return path, models


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
