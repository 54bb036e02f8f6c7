"""Groups in JSON lines, one a line."""

from __future__ import annotations

import io
from pathlib import Path
from types import MappingProxyType

from connectors.directories.export import read_export
from connectors.directories.port import Snapshot
from connectors.directories.refusal import refused, shown
from connectors.duplicates import parse_line
from rag.access import PUBLIC, principal
from rag.errors import PrincipalError


def read_groups(path: Path, encoding: str) -> Snapshot:
    """The groups in the file, as of its modification time: ``{"_id": "group:eng", "members": ["user:ada"]}``.

    Members may be groups that are not in the file. Raises ``DirectoryError`` with the line for anything else,
    for a group that comes twice and for a file without a line: half an export must not pass for all of it.
    """
    export = read_export(path)
    members_of: dict[str, frozenset[str]] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(io.BytesIO(export.data.removeprefix(b"\xef\xbb\xbf")), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            name, members = _group(line.decode(encoding))
        except PrincipalError as error:
            raise refused(error.what, where) from error
        except UnicodeDecodeError as error:
            raise refused(f"not {encoding}", where) from error
        except ValueError as error:
            raise refused(str(error), where) from error
        if name in lines:
            raise refused(f"{shown(name)} is there twice, first on line {lines[name]}", where)
        members_of[name], lines[name] = members, number
    if not members_of:
        raise refused(
            "there is no group in it",
            f"{path}:1",
            "Write it anew; or take out the option groups of the source.",
        )
    return Snapshot(MappingProxyType(members_of), export.observed_at)


def _group(line: str) -> tuple[str, frozenset[str]]:
    """Raises ``ValueError`` and ``PrincipalError``."""
    value, duplicates = parse_line(line)
    if duplicates.keys:
        raise ValueError(f"the key {shown(duplicates.keys[0])} is there twice")
    if not isinstance(value, dict) or set(value) != {"_id", "members"}:
        raise ValueError("a group is an object with the keys _id and members, and no others")
    name, members = principal(value["_id"]), value["members"]
    if not name.startswith("group:"):
        raise ValueError(f"{shown(name)} is not a group; write group:NAME")
    if not isinstance(members, list):
        raise ValueError("members is not a list of principals")
    found = frozenset(principal(member) for member in members)
    if PUBLIC in found:
        raise ValueError("public is everybody, and a member of no group")
    return name, found
