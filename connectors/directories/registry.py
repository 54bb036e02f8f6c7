"""The formats of export there are, and how a directory is built from its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from connectors.directories import ldif, scim
from connectors.directories.export import read_export
from connectors.directories.port import Directory, Snapshot
from connectors.directories.settings import ExportOptions, LdifOptions, ScimOptions
from connectors.options import validated
from rag.errors import ConfigurationError, unknown

Options = TypeVar("Options", bound=ExportOptions)


@dataclass(frozen=True, slots=True)
class Format(Generic[Options]):
    """One format: its options, and what reads the groups out of a file's bytes; the text is the file's name."""

    options: type[Options]
    members_of: Callable[[bytes, str, Options], dict[str, frozenset[str]]]

    def build(self, name: str, path: Path, options: Mapping[str, object], where: str) -> Directory:
        """Raises ``ConfigurationError`` for options that are not this format's."""
        return ExportedDirectory(name, path, self, validated(self.options, options, where=where, beside=()))


@dataclass(frozen=True, slots=True)
class ExportedDirectory(Generic[Options]):
    """A directory as it was last exported to a file. Nothing is kept between two readings."""

    name: str
    path: Path
    format: Format[Options]
    options: Options

    def read(self) -> Snapshot:
        """The groups in the file. Raises ``DirectoryError`` for a file that cannot be believed as a whole."""
        export = read_export(
            self.path, max_bytes=self.options.max_bytes, observed_at=self.options.observed_at
        )
        return Snapshot(
            MappingProxyType(self.format.members_of(export.data, str(self.path), self.options)),
            export.observed_at,
        )


KNOWN_FORMATS: Mapping[str, Format[Any]] = MappingProxyType(
    {
        "ldif": Format(LdifOptions, ldif.members_of),
        "scim": Format(ScimOptions, scim.members_of),
    }
)


def build_directory(
    name: str, format: str, path: Path, options: Mapping[str, object], *, where: str = ""
) -> Directory:
    """The directory ``name``, exported in ``format`` to the file at ``path``, with the format's own ``options``.

    Opens nothing. Raises ``ConfigurationError`` at ``where`` (such as ``lockgate.yaml:12``) for an unknown
    format or option, with the nearest known one, and for an option that is wrong.
    """
    if format not in KNOWN_FORMATS:
        raise ConfigurationError(unknown("format", format, KNOWN_FORMATS), where=where)
    return KNOWN_FORMATS[format].build(name, path, options, where)
