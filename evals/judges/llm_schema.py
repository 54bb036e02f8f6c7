"""Answers of a model that must follow a schema: asked for, read, and doubted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Answer = TypeVar("Answer", bound=BaseModel)


def response_format(model: type[BaseModel], verdicts: int | None = None) -> dict[str, Any]:
    """OpenAI's response format for a JSON schema: that of ``model``, and what ``read`` asks for beyond it."""
    schema = _strict(model.model_json_schema())
    lists = [field for field in schema["properties"].values() if field.get("type") == "array"]
    if len(lists) == 1:
        wants_verdicts = verdicts is not None and "$ref" in lists[0]["items"]
        lists[0] |= {"minItems": verdicts, "maxItems": verdicts} if wants_verdicts else {"minItems": 1}
    return {
        "type": "json_schema",
        "json_schema": {"name": model.__name__, "schema": schema, "strict": True},
    }


def _strict(schema: Any) -> Any:
    """No object has more properties than it names, as OpenAI's strict mode wants; each number is a verdict."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(one) for name, one in schema.items()}
    if strict.get("type") == "object":
        strict["additionalProperties"] = False
    if strict.get("type") == "integer":
        strict["enum"] = [0, 1]
    return strict


def read(text: str, model: type[Answer], verdicts: int | None = None) -> Answer | str:
    """The answer in ``text``, whatever stands around the JSON, or in words where it misses the schema.

    An answer also misses if it has nothing in any of its lists, if a whole number in it is not 0 or 1 (each is a
    verdict), or if it gives another number of verdicts than ``verdicts``, where that is known: ragas would make a
    score of each of those. The words hold nothing of ``text``.
    """
    try:
        answer = model.model_validate_json(text[text.find("{") : text.rfind("}") + 1])
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['type']}" if place else "it is not JSON"
    lists = [value for _, value in answer if isinstance(value, list)]
    if lists and not any(lists):
        return "it lists nothing"
    given = list(_verdicts(answer))
    if any(verdict not in (0, 1) for verdict in given):
        return "a verdict is neither 0 nor 1"
    if verdicts is not None and given and len(given) != verdicts:
        return f"{len(given)} verdicts for {verdicts} statements"
    return answer


def _verdicts(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _verdicts(one)
    elif isinstance(value, BaseModel):
        for _, one in value:
            yield from _verdicts(one)
