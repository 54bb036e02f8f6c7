"""Many problems, each at its line, as one error."""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import ConfigurationError


def as_error(problems: Sequence[tuple[str, str]], *, next_step: str) -> ConfigurationError:
    """One error of all ``(where, what)``, of which there is at least one.

    Its text has one line a problem, as a compiler's has; its ``where`` is that of the first.
    """
    (where, first), rest = problems[0], problems[1:]
    lines = [first, *(f"{place}: {what}" for place, what in rest)]
    return ConfigurationError("\n".join(lines), where=where, next_step=next_step)
