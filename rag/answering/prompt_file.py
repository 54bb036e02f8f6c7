"""The file of a prompt: YAML between two lines of three dashes, then the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from rag.errors import ConfigurationError, unknown
from rag.settings.base import NAME_PATTERN
from rag.settings.problems import KeyPath, Problem, error_for
from rag.settings.yaml_file import line_of, read_text
from rag.settings.yaml_nodes import NodeReader

_FENCE = "---"


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a prompt says of itself. ``id`` is a name as those of sources are; ``version`` counts from 1."""

    id: str
    version: int
    owner: str

    @classmethod
    def of(
        cls,
        value: Mapping[str, object],
        file: str,
        lines: Mapping[KeyPath, int] | None = None,
        next_step: str = "",
    ) -> FrontMatter:
        """Raises ``ConfigurationError`` for keys that are unknown, missing or of a wrong kind, all at once."""
        known = tuple(field.name for field in fields(cls))
        at = lines or {}
        problems = [
            Problem((key,), line_of(at, (key,)), unknown("key", key, known))
            for key in value
            if key not in known
        ]
        problems += [
            Problem((), line_of(at, ()), f"the key {key!r} is missing") for key in known if key not in value
        ]
        kinds = {
            "id": "lower-case letters, digits, - and _",
            "version": "a whole number from 1",
            "owner": "a name or an address",
        }
        problems += [
            Problem((key,), line_of(at, (key,)), f"expected {kind}")
            for key, kind in kinds.items()
            if key in value and not _is_right(key, value[key])
        ]
        if problems:
            raise error_for(file, problems, next_step)
        identity, version, owner = (value[key] for key in known)
        assert isinstance(identity, str)
        assert isinstance(version, int)
        assert isinstance(owner, str)
        return cls(identity, version, owner)


def front_matter(path: Path, *, next_step: str = "") -> tuple[FrontMatter, str, int]:
    """The front matter, the text after it without blank lines around it, and the number of the text's first line.

    Raises ``ConfigurationError`` naming file and line.
    """
    written = read_text(path, next_step).replace("\r\n", "\n")
    lines = written.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise ConfigurationError(
            f"the first line is not {_FENCE}, which begins the front matter",
            where=f"{path}:1",
            next_step=next_step,
        )
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise ConfigurationError(
            f"no line with {_FENCE} ends the front matter", where=f"{path}:1", next_step=next_step
        )
    value, where = _mapping("\n".join(["", *lines[1:end]]), path, next_step)
    first = next((number for number, line in enumerate(lines[end + 1 :], end + 2) if line.strip()), end + 1)
    return FrontMatter.of(value, str(path), where, next_step), "\n".join(lines[end + 1 :]).strip(), first


def _mapping(text: str, path: Path, next_step: str) -> tuple[dict[str, object], dict[KeyPath, int]]:
    """The values, and the line of each key. ``text`` begins with as many line ends as stand above it."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        reader = NodeReader(loader, None)
        value = reader.value(root) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(
            f"not YAML: {error.problem}", where=f"{path}:{line}", next_step=next_step
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError("not YAML", where=f"{path}:1", next_step=next_step) from error
    if reader.problems:
        raise error_for(str(path), reader.problems, next_step)
    if not isinstance(value, dict):
        raise ConfigurationError("expected keys and values", where=f"{path}:2", next_step=next_step)
    return value, {(): 1} | {key: line for key, line in reader.lines.items() if key}


def _is_right(key: str, value: object) -> bool:
    if key == "version":
        # YAML's true is a whole number to Python, and no version
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return False
    return key != "id" or re.fullmatch(NAME_PATTERN, value) is not None
