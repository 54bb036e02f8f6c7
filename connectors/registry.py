"""The connectors there are, and how one is built from its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from connectors.filesystem import FilesystemConnector, FilesystemSettings
from connectors.jsonl import JsonlConnector, JsonlSettings
from connectors.options import validated
from connectors.port import Connector
from rag.errors import ConfigurationError, unknown

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """One kind of connector: its settings, and what makes one of them, with the base of relative paths."""

    settings: type[S]
    connector: Callable[[S, Path], Connector]

    def build(self, options: Mapping[str, object], directory: Path, where: str) -> Connector:
        """Raises ``ConfigurationError`` for options that are not this connector's."""
        return self.connector(validated(self.settings, options, where=where), directory)


KNOWN: Mapping[str, Kind[Any]] = MappingProxyType(
    {
        "filesystem": Kind(FilesystemSettings, FilesystemConnector),
        "jsonl": Kind(JsonlSettings, JsonlConnector),
    }
)


def build(name: str, options: Mapping[str, object], *, directory: Path, where: str) -> Connector:
    """The connector ``name`` with its own ``options``; relative paths in them start at ``directory``.

    Opens nothing. Raises ``ConfigurationError`` at ``where`` (such as ``lockgate.yaml:12``) for an unknown
    name or option, with the nearest known one, and for an option that is missing or wrong.
    """
    if name not in KNOWN:
        raise ConfigurationError(unknown("connector", name, KNOWN), where=where)
    return KNOWN[name].build(options, directory, where)
