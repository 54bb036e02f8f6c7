"""HTML that nothing can break out of: text of golden files and of documents is hostile until it is ``Html``."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NewType

Html = NewType("Html", str)
"""Markup. Whatever takes it does not take bare text, which a type checker sees."""

_KEPT = frozenset("\n\t\u00ad\u200c\u200d")  # of what is invisible, what plain prose needs: it shapes words
_LONGEST_NAME = 300


def name(text: str) -> Html:
    """An id, a key, a message: on one line, cut at 300 characters, nothing invisible in it.

    >>> name('a <b>\\u202e"c"')
    'a &lt;b&gt;\\ufffd&quot;c&quot;'
    """
    visible = "".join("\ufffd" if unicodedata.category(c).startswith("C") else c for c in text)
    single = " ".join(visible.split())
    return Html(html.escape(single if len(single) <= _LONGEST_NAME else single[:_LONGEST_NAME] + "…"))


def prose(text: str) -> Html:
    """Text of a document or a question, with its line breaks.

    Control characters, what turns the direction of writing, halves of pairs and what is no character become
    ``\\ufffd``: a page must show what a model read, and not what somebody wanted shown.
    """
    return Html(html.escape("".join("\ufffd" if _is_active(c) else c for c in text)))


def _is_active(character: str) -> bool:
    if character in _KEPT:
        return False
    is_none = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return is_none or unicodedata.category(character) in ("Cc", "Cf", "Cs")


def join(parts: Iterable[Html], between: str = "") -> Html:
    """``parts`` one after the other; ``between`` is markup of this package."""
    return Html(between.join(parts))


def wrap(tag: str, content: Html, classes: str = "") -> Html:
    """An element; ``tag`` and ``classes`` are words of this package."""
    return Html(f'<{tag} class="{classes}">{content}</{tag}>' if classes else f"<{tag}>{content}</{tag}>")


def section(identity: str, title: str, *content: Html) -> Html:
    """A part of the page with its heading; both words of this package."""
    head = f'<section id="{identity}" aria-labelledby="{identity}-title"><h2 id="{identity}-title">'
    return Html(f"{head}{name(title)}</h2>{join(content)}</section>")


def folded(title: str, content: Html) -> Html:
    """What is seen when it is asked for."""
    return Html(f'<details class="more"><summary>{name(title)}</summary>{content}</details>')


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table: its heading, and the class of its cells: ``n`` for numbers, ``plot`` for drawings, and ``spare``
    for what a narrow screen does without."""

    title: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table under a heading of their own, or none; the first cell of each names its row."""

    cells: Sequence[Sequence[Html]]
    title: str = ""


def table(caption: str, columns: Sequence[Column], groups: Sequence[Rows]) -> Html:
    """A table that scrolls sideways by itself where it is too wide for the screen."""
    heads = join(_head(column) for column in columns)
    bodies = join(_body(columns, group) for group in groups if group.cells)
    label = name(caption)
    return Html(
        f'<p class="caption" aria-hidden="true">{label}</p>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table><caption>{label}</caption>'
        f"<thead><tr>{heads}</tr></thead>{bodies}</table></div>"
    )


def _head(column: Column) -> Html:
    return Html(f'<th scope="col"{_class(column)}>{name(column.title)}</th>')


def _body(columns: Sequence[Column], group: Rows) -> Html:
    lines = []
    if group.title:
        head = f'<th scope="rowgroup" colspan="{len(columns)}">{name(group.title)}</th>'
        lines.append(Html(f'<tr class="group">{head}</tr>'))
    for first, *rest in group.cells:
        cells = join(
            Html(f"<td{_class(column)}>{cell}</td>") for column, cell in zip(columns[1:], rest, strict=True)
        )
        lines.append(Html(f'<tr><th scope="row">{first}</th>{cells}</tr>'))
    return Html(f"<tbody>{join(lines)}</tbody>")


def _class(column: Column) -> str:
    return f' class="{column.kind}"' if column.kind else ""
