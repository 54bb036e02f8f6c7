"""What every section of ``lockgate.yaml`` shares: strictness, and the types that take units and paths."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo, WithJsonSchema

from rag.settings.problems import KeyPath

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]*$"
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Section(BaseModel):
    """A section: an unknown key is an error, and nothing changes after it was read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings came from; passed as pydantic's validation context. ``lines`` are 1-based."""

    directory: Path
    file: str = ""
    lines: MappingProxyType[KeyPath, int] = field(default_factory=lambda: MappingProxyType({}))


class LocatedError(ValueError):
    """A validator's complaint about the key at ``path`` below the one that was validated."""

    def __init__(self, text: str, path: KeyPath) -> None:
        super().__init__(text)
        self.path = path


def duration(value: object) -> timedelta:
    """``90s``, ``15m``, ``24h`` or ``7d`` as a ``timedelta``; raises ``ValueError``, which holds no value."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected a duration: a whole number and s, m, h or d, such as 24h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def within(shortest: str, longest: str) -> AfterValidator:
    """A validator that takes durations from ``shortest`` to ``longest``, both as written: ``1s``, ``6h``."""
    low, high = duration(shortest), duration(longest)

    def bounded(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise ValueError(f"expected a duration from {shortest} to {longest}")
        return value

    return AfterValidator(bounded)


def _number(value: object) -> object:
    # YAML reads yes and on as true, which Python takes for the number 1.
    if isinstance(value, bool):
        raise ValueError("expected a number, not true or false")
    return value


def _directory(info: ValidationInfo) -> Path:
    return info.context.directory if isinstance(info.context, Origin) else Path.cwd()


def resolved(path: Path, info: ValidationInfo) -> Path:
    """``path``, if it is relative, from the folder of the file that is being read."""
    if "\0" in str(path):
        raise ValueError("expected a path")
    return _directory(info) / path


def _glob_below_directory(pattern: str, info: ValidationInfo) -> str:
    if Path(pattern).is_absolute():
        return pattern
    return str(Path(glob.escape(str(_directory(info)))) / pattern)


Duration: TypeAlias = Annotated[
    timedelta, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smhd]$"})
]
Whole: TypeAlias = Annotated[int, BeforeValidator(_number)]
Real: TypeAlias = Annotated[float, BeforeValidator(_number)]
ResolvedPath: TypeAlias = Annotated[Path, AfterValidator(resolved)]
ResolvedGlob: TypeAlias = Annotated[str, AfterValidator(_glob_below_directory)]
