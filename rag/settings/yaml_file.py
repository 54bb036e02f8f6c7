"""A YAML file as plain values, with the line of every key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from rag.errors import ConfigurationError
from rag.settings.environment import protect
from rag.settings.problems import KeyPath, Problem
from rag.settings.yaml_nodes import NodeReader


@dataclass(frozen=True, slots=True)
class YamlFile:
    """``value`` holds dicts, lists and scalars; ``lines`` are 1-based; ``problems`` were met on the way."""

    name: str
    value: object
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...]

    def line(self, path: KeyPath) -> int:
        """The line of the key at ``path``, or of the nearest one above it."""
        return line_of(self.lines, path)


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of the key at ``path``, or of the nearest one above it; 1 for the file itself."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def read_yaml(path: Path, *, environ: Mapping[str, str] | None, next_step: str = "") -> YamlFile:
    """Reads the file at ``path``; ``${NAME}`` is replaced from ``environ`` where one is given.

    Raises ``ConfigurationError`` for a file that is missing (with ``next_step``), cannot be read, is empty,
    is no UTF-8 or is no YAML. Duplicate keys, unset variables and tags are in ``problems``.
    """
    text = read_text(path, next_step)
    try:
        loader = yaml.SafeLoader(text if environ is None else protect(text))
        root = loader.get_single_node()
        if root is None or root.tag == "tag:yaml.org,2002:null":
            raise ConfigurationError("the file is empty", where=f"{path}:1", next_step=next_step)
        reader = NodeReader(loader, environ)
        value = reader.value(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(f"not YAML: {error.problem}", where=f"{path}:{line}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigurationError(f"not YAML: {error.reason}", where=f"{path}:{line}") from error
    except RecursionError as error:
        raise ConfigurationError("nested too deeply", where=f"{path}:1") from error
    return YamlFile(str(path), value, reader.lines, tuple(reader.problems))


def read_text(path: Path, next_step: str) -> str:
    """The text of a settings file; ``ConfigurationError`` where it is not there, not readable or not UTF-8."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError("the file does not exist", where=str(path), next_step=next_step) from error
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError("the file is not UTF-8", where=f"{path}:{line}") from error
