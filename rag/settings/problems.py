"""What is wrong in a configuration file: collected, sorted by line, and raised as one error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from rag.errors import ConfigurationError

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: the ``path`` of keys to it, its 1-based ``line`` and a ``text`` that holds no value."""

    path: KeyPath
    line: int
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.text}" if self.path else self.text


def dotted(path: KeyPath) -> str:
    """``("sources", 0, "name")`` as ``sources[0].name``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def error_for(file: str, problems: Iterable[Problem], next_step: str = "") -> ConfigurationError:
    """All ``problems`` (one at least) as one error; ``where`` is ``file:line`` of the first in the file."""
    ordered = sorted(problems, key=lambda problem: problem.line)
    where = f"{file}:{ordered[0].line}"
    if len(ordered) == 1:
        return ConfigurationError(str(ordered[0]), where=where, next_step=next_step)
    listed = "".join(f"\n  line {problem.line}: {problem}" for problem in ordered)
    return ConfigurationError(f"{len(ordered)} problems:{listed}", where=where, next_step=next_step)
