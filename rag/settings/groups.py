"""The groups file: who is in which group."""

from __future__ import annotations

from pathlib import Path

from rag.access import PUBLIC, group, principal
from rag.errors import PrincipalError
from rag.settings.problems import KeyPath, Problem, error_for
from rag.settings.yaml_file import YamlFile, read_yaml

_NEXT = "Write it, or take the key groups out of lockgate.yaml."


def load_groups(path: str | Path | None) -> dict[str, frozenset[str]]:
    """Each group with its direct members, which may be groups; empty where ``path`` is ``None``.

    The file reads ``{"group:eng": ["user:ada@acme.example", "group:platform"]}``, and ``tenant:acme`` is a key
    as well. Raises
    ``ConfigurationError`` with file and line for a missing file and for anything else than that.
    """
    if path is None:
        return {}
    file = read_yaml(Path(path), environ=None, next_step=_NEXT)
    problems = list(file.problems)
    groups: dict[str, frozenset[str]] = {}
    if not isinstance(file.value, dict):
        raise error_for(
            file.name, [Problem((), file.line(()), "expected groups, each with a list of members")]
        )
    for name, members in file.value.items():
        if text := _wrong_group(name):
            problems.append(Problem((), file.line((name,)), text))
        if isinstance(members, list):
            problems += _wrong_members(file, (name,), members)
            groups[name] = frozenset(str(member) for member in members)
        else:
            problems.append(Problem((name,), file.line((name,)), "expected a list of members"))
    if problems:
        raise error_for(file.name, problems)
    return groups


def _wrong_group(name: str) -> str | None:
    try:
        group(name)
    except PrincipalError as error:
        return error.what if "is not a group" not in error.what else f"{error.what}; write group:NAME"
    return None


def _wrong_members(file: YamlFile, path: KeyPath, members: list[object]) -> list[Problem]:
    wrong: list[Problem] = []
    for index, member in enumerate(members):
        at = (*path, index)
        try:
            if principal(member) == PUBLIC:
                wrong.append(Problem(path, file.line(at), "public is everybody, and a member of no group"))
        except PrincipalError as error:
            wrong.append(Problem(path, file.line(at), error.what))
    return wrong
