"""The tree of sections that a document's headings make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rag.parsing.elements import Element, ParsedDocument


@dataclass(slots=True)
class Section:
    """A heading with what stands under it. The root has no heading.

    ``elements`` holds the heading first, then what comes before the first heading below it. ``path`` is
    the headings from the outermost to this one.
    """

    path: tuple[str, ...]
    level: int
    elements: list[Element] = field(default_factory=list)
    children: list[Section] = field(default_factory=list)

    @property
    def is_bare(self) -> bool:
        """True if nothing but headings stands in its own part."""
        return all(element.kind == "heading" for element in self.elements)

    @property
    def end(self) -> int:
        """Where the section ends in the document's text, the sections in it included."""
        return self.children[-1].end if self.children else self.elements[-1].end

    def walk(self) -> Iterator[Section]:
        """This section and all within it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()


def section_tree(document: ParsedDocument) -> Section:
    """The root of the document's sections; levels that are left out do no harm."""
    root = Section((), 0)
    open_sections = [root]
    for element in document.elements:
        if element.kind == "heading":
            level = element.level or 1
            while open_sections[-1].level >= level:
                open_sections.pop()
            parent = open_sections[-1]
            section = Section((*parent.path, element.text), level)
            parent.children.append(section)
            open_sections.append(section)
        open_sections[-1].elements.append(element)
    return root
