"""Packs a section tree into units that fit the budget, each within one subject where it can."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from rag.chunking.context import Contexts
from rag.chunking.sections import Section, section_tree
from rag.chunking.splitting import line_starts, sentence_starts, split
from rag.chunking.tables import header_row
from rag.chunking.tokens import TokenMap
from rag.parsing.elements import Element, ParsedDocument

# A unit below this share of the budget is small: it is packed with its neighbours.
_SMALL_SHARE = 3
# So many tokens must be left beside a heading for the beginning of a text to share its unit.
_LEAST_START_TOKENS = 16
_PARAGRAPH_FILL, _CODE_FILL, _TABLE_FILL = 0.5, 0.3, 0.0


@dataclass(slots=True)
class Unit:
    """A span that becomes a chunk. ``header`` is the row to repeat in front of a part of a table.

    ``open_left`` and ``open_right`` say whether it may be packed with its neighbour on that side.
    """

    start: int
    end: int
    tokens: int
    path: tuple[str, ...]
    header: str = ""
    open_left: bool = False
    open_right: bool = False


class Packer:
    """Packs one document. ``room_tokens`` is the window without special tokens."""

    def __init__(
        self,
        document: ParsedDocument,
        tokens: TokenMap,
        contexts: Contexts,
        *,
        room_tokens: int,
        overlap_tokens: int,
    ) -> None:
        self._text = document.text
        self._tokens = tokens
        self._contexts = contexts
        self._room = room_tokens
        self._overlap = overlap_tokens
        self._root = section_tree(document)
        self._starts: list[int] = []
        self._paths: list[tuple[str, ...]] = []
        self._is_heading: list[bool] = []
        for section in self._root.walk():
            for element in section.elements:
                self._starts.append(element.start)
                self._paths.append(section.path)
                self._is_heading.append(element.kind == "heading")

    def units(self) -> list[Unit]:
        """The units of the whole document in order. Every element lies in one or, if cut, in several."""
        return self._section(self._root, []) if self._starts else []

    def budget(self, path: tuple[str, ...], header: str = "") -> int:
        """How many tokens of text fit beside the context; at least 1."""
        return max(1, self._room - self._contexts.of(path, header)[1])

    def _path(self, start: int, end: int) -> tuple[str, ...]:
        """The headings that all the text between has in common; of headings alone, the last one's."""
        first, last = bisect_right(self._starts, start) - 1, bisect_right(self._starts, end - 1)
        paths = [self._paths[i] for i in range(first, last) if not self._is_heading[i]]
        return _common(paths) if paths else self._paths[last - 1]

    def _section(self, section: Section, above: list[Element]) -> list[Unit]:
        """Units of a section; ``above`` are headings over it that have no text of their own."""
        elements = [*above, *section.elements]
        start = elements[0].start if elements else section.children[0].elements[0].start
        end = section.end
        path = self._path(start, end)
        count = self._tokens.count(start, end)
        if count <= self.budget(path):
            return [Unit(start, end, count, path, open_left=True, open_right=True)]
        units: list[Unit] = []
        if section.children and section.is_bare:
            children, above = section.children, elements
        else:
            units, children, above = self._own_part(elements), section.children, []
            units[-1].open_right = not units[-1].header
        for child in children:
            units.extend(self._section(child, above))
            above = []
        merged = self._merge(units)
        for unit in merged:
            # Only within their own section do parts of it find company.
            unit.open_left = unit.open_right = False
        return merged

    def _merge(self, units: Sequence[Unit]) -> list[Unit]:
        merged: list[Unit] = []
        for unit in units:
            if merged and (packed := self._packed(merged[-1], unit)):
                merged[-1] = packed
            else:
                merged.append(unit)
        return merged

    def _packed(self, left: Unit, right: Unit) -> Unit | None:
        """Both as one, if they may and fit, and at least one is small."""
        if not (left.open_right and right.open_left):
            return None
        path = _common([left.path, right.path])
        budget = self.budget(path)
        count = self._tokens.count(left.start, right.end)
        if count > budget or min(left.tokens, right.tokens) * _SMALL_SHARE >= budget:
            return None
        return Unit(left.start, right.end, count, path, "", left.open_left, right.open_right)

    def _own_part(self, elements: Sequence[Element]) -> list[Unit]:
        """Units of what a section holds itself, element by element, filled from the front."""
        path = self._path(elements[0].start, elements[-1].end)
        budget = self.budget(path)
        units: list[Unit] = []
        held: Unit | None = None
        bare = True  # what is held is headings only, which belong to what follows
        for element in elements:
            start = held.start if held else element.start
            count = self._tokens.count(start, element.end)
            if count <= budget:
                held = Unit(start, element.end, count, path)
                bare = bare and element.kind == "heading"
                continue
            alone = self._tokens.count(element.start, element.end)
            if held and self._goes_alone(held, bare, alone, budget):
                units.append(held)
                held = None
                if alone <= budget:
                    held, bare = Unit(element.start, element.end, alone, path), element.kind == "heading"
                    continue
            *done, held = self._cut(element, path, held)
            units.extend(done)
            bare = False
            if held.header:
                units.append(held)
                held, bare = None, True
        if held:
            units.append(held)
        return units

    def _goes_alone(self, held: Unit, bare: bool, next_tokens: int, budget: int) -> bool:
        """True if what is held becomes a unit before the next element, which does not fit beside it."""
        if bare:
            return budget - held.tokens < _LEAST_START_TOKENS
        return next_tokens <= budget or held.tokens * _SMALL_SHARE >= budget

    def _cut(self, element: Element, path: tuple[str, ...], held: Unit | None) -> list[Unit]:
        """Units of one element that is too long; ``held`` is what begins the first of them."""
        header, header_end, breaks, fill, overlap = "", 0, sentence_starts, _PARAGRAPH_FILL, self._overlap
        if element.kind == "table":
            header, header_end = header_row(element)
            breaks, fill, overlap = line_starts, _TABLE_FILL, 0
        elif element.kind == "code":
            breaks, fill, overlap = line_starts, _CODE_FILL, 0
        spans = split(
            self._text,
            self._tokens,
            element.start,
            element.end,
            budget=self.budget(path, header),
            first_budget=self.budget(path) - (held.tokens if held else 0),
            breaks=breaks(self._text, element.start, element.end),
            fill=fill,
            overlap=overlap,
        )
        units = []
        for start, end in spans:
            if start == element.start and held:
                start = held.start
            repeated = header if start >= header_end and header else ""
            units.append(Unit(start, end, self._tokens.count(start, end), path, repeated))
        return units


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The longest beginning that all ``paths`` share."""
    shortest, longest = min(paths), max(paths)
    for index, heading in enumerate(shortest):
        if index >= len(longest) or longest[index] != heading:
            return shortest[:index]
    return shortest
