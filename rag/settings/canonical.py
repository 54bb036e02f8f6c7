"""One text, and one digest, for equal settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from pathlib import PurePath

from pydantic import BaseModel, SecretStr

from rag.settings.environment import FromEnvironment


def canonical(model: BaseModel) -> str:
    """Compact JSON with sorted keys, without secrets: fields that are secret are left out, and an option from
    the environment stands as the file has it (``${NAME}``). Durations are in seconds."""
    return json.dumps(
        _plain(model), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def digest(*models: BaseModel) -> str:
    """SHA-256, in hex, of the canonical texts, in order."""
    joined = json.dumps([canonical(model) for model in models], ensure_ascii=False)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return _plain({name: getattr(value, name) for name in type(value).model_fields})
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items() if not isinstance(held, SecretStr)}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if isinstance(value, AbstractSet):
        return sorted(str(held) for held in value)
    if isinstance(value, FromEnvironment):
        return value.written
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"a {type(value).__name__} has no canonical form")
