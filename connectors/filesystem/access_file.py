"""``.access.yaml``: who may read what lies in a folder and below it.

The nearest file at or above a document decides ``allow``, and a nearest file without ``allow`` allows nobody.
Every ``deny`` on the way up to the root of the source adds. A file that cannot be understood keeps out all
that is below it: what it meant to deny is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from rag.access import AccessRule, principal
from rag.errors import PrincipalError

NAME = ".access.yaml"
MAX_BYTES = 1024 * 1024
_STRING = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class FolderAccess:
    """What holds in one folder: the ``rule`` (``None`` where no file states one), or the ``problem``."""

    rule: AccessRule | None = None
    problem: str | None = None

    def inside(self, outer: FolderAccess) -> FolderAccess:
        """What holds in a folder that has this file and lies where ``outer`` holds."""
        if outer.problem is not None:
            return outer
        if self.rule is None or outer.rule is None:
            return self
        return FolderAccess(AccessRule(self.rule.allow, self.rule.deny | outer.rule.deny))


def parse_access_file(data: bytes, name: str) -> FolderAccess:
    """The access file ``name`` (for messages) with content ``data``; a problem names file and line.

    An empty file is one without ``allow``: it allows nobody.
    """
    if len(data) > MAX_BYTES:
        return FolderAccess(problem=f"{name} is larger than {MAX_BYTES} bytes")
    try:
        node = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        return FolderAccess(_rule(node))
    except UnicodeDecodeError:
        return FolderAccess(problem=f"{name} is not UTF-8")
    except RecursionError:
        return FolderAccess(problem=f"{name} is nested too deeply")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return FolderAccess(problem=f"{name}:{mark.line + 1 if mark else 1}: {error.problem}")
    except yaml.YAMLError as error:
        return FolderAccess(problem=f"{name} is not YAML: {str(error).splitlines()[0]}")


def _rule(node: yaml.Node | None) -> AccessRule:
    found: dict[str, frozenset[str]] = {}
    if node is None or node.tag == _NULL:
        return AccessRule(frozenset())
    if not isinstance(node, yaml.MappingNode):
        raise _error("an access file has the keys allow and deny", node)
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value not in ("allow", "deny"):
            raise _error("an access file has the keys allow and deny, and no others", key)
        if key.value in found:
            raise _error(f"{key.value} is there twice", key)
        found[key.value] = _principals(key.value, value)
    return AccessRule(found.get("allow", frozenset()), found.get("deny", frozenset()))


def _principals(key: str, node: yaml.Node) -> frozenset[str]:
    if node.tag == _NULL:
        return frozenset()
    if not isinstance(node, yaml.SequenceNode):
        raise _error(f"{key} is not a list of principals", node)
    found: set[str] = set()
    for entry in node.value:
        if not isinstance(entry, yaml.ScalarNode) or entry.tag != _STRING:
            raise _error(f"{key} has an entry that is not a principal", entry)
        try:
            found.add(principal(entry.value))
        except PrincipalError as error:
            raise _error(error.what, entry) from error
    return frozenset(found)


def _error(text: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
