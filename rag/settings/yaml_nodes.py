"""YAML nodes to plain values, noting lines and problems."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from rag.settings.environment import replaced, written
from rag.settings.problems import KeyPath, Problem

_PREFIX = "tag:yaml.org,2002:"
_SCALARS = frozenset(_PREFIX + kind for kind in ("str", "int", "float", "bool", "null", "timestamp"))
# Aliases let a short file stand for an endless one; no configuration comes near this.
_MAX_NODES = 100_000


class NodeReader:
    """Reads the nodes of one file. ``lines`` (1-based) and ``problems`` fill as it goes."""

    def __init__(self, loader: yaml.SafeLoader, environ: Mapping[str, str] | None) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._loader = loader
        self._environ = environ
        self._above: list[yaml.Node] = []
        self._count = 0

    def value(self, node: yaml.Node, path: KeyPath = (), line: int | None = None) -> object:
        """The value of ``node``; ``None`` in the place of what is a problem. ``line`` is that of its key.

        Raises ``yaml.MarkedYAMLError`` for a node that holds itself and for too many nodes.
        """
        self._count += 1
        if self._count > _MAX_NODES or any(node is above for above in self._above):
            raise yaml.MarkedYAMLError(
                problem="an alias makes the file endless", problem_mark=node.start_mark
            )
        self.lines[path] = line if line is not None else _line(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._above.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._above.pop()
        return self._nothing(path, _line(node), "a tag has no meaning here")

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _PREFIX + "str":
                self._nothing(path, line, "a key is not plain text; put it in quotes")
                continue
            key = written(key_node.value)
            if key in found:
                self._nothing(
                    path, line, f"duplicate key {key!r}; the first is on line {self.lines[*path, key]}"
                )
                continue
            found[key] = self.value(value_node, (*path, key), line)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        if node.tag not in _SCALARS:
            return self._nothing(path, _line(node), "a tag has no meaning here")
        if node.tag == _PREFIX + "str":
            if self._environ is None:
                return node.value
            try:
                return replaced(node.value, self._environ)
            except ValueError as error:
                return self._nothing(path, _line(node), str(error))
        try:
            value: object = self._loader.construct_object(node)
        except ValueError:
            return self._nothing(path, _line(node), f"not a valid {node.tag.removeprefix(_PREFIX)}")
        return value

    def _nothing(self, path: KeyPath, line: int, text: str) -> object:
        self.problems.append(Problem(path, line, text))
        return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
