"""Keys that come twice in a JSON object: which of the two was meant is anybody's guess."""

from __future__ import annotations

import json
from collections import Counter
from typing import TypeAlias

JsonObject: TypeAlias = dict[str, object]


class Duplicates:
    """Notes such keys; its ``object`` is an ``object_pairs_hook``. Where ``lower`` is set, letters lose their
    case in all keys, and keys that differ in case alone are the same."""

    def __init__(self, *, lower: bool = False) -> None:
        self.keys: list[str] = []
        self.objects: list[JsonObject] = []
        self._lower = lower

    def object(self, pairs: list[tuple[str, object]]) -> JsonObject:
        """The pairs as a dict; of two keys alike it holds the later."""
        if self._lower:
            pairs = [(key.lower(), value) for key, value in pairs]
        found = dict(pairs)
        if len(found) != len(pairs):
            self.keys += [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
            self.objects.append(found)
        return found


def parse_line(line: str) -> tuple[object, Duplicates]:
    """The JSON value in a line, and the keys that come twice in it. Raises ``ValueError``."""
    duplicates = Duplicates()
    try:
        return json.loads(line, object_pairs_hook=duplicates.object), duplicates
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
