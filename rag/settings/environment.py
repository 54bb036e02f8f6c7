"""``${NAME}`` in the strings of a configuration file, replaced from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Inside a YAML flow mapping a bare ${NAME} is a syntax error, because braces are YAML's own. References are
# therefore rewritten before the text is parsed, to characters from Unicode's private use area that YAML takes
# as letters everywhere, and replaced afterwards: a value can then never be read as YAML.
_OPEN, _CLOSE = "\ue000", "\ue001"
_WRITTEN = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PROTECTED = re.compile(f"{_OPEN}([A-Za-z_][A-Za-z0-9_]*){_CLOSE}")


class FromEnvironment(str):
    """A string with something from the environment in it: it may be a secret.

    It is the string, but its ``repr`` is what the file says (``${TOKEN}``), kept in ``written``.
    """

    written: str

    def __new__(cls, value: str, written: str) -> FromEnvironment:
        self = super().__new__(cls, value)
        self.written = written
        return self

    def __reduce__(self) -> tuple[type[FromEnvironment], tuple[str, str]]:
        return FromEnvironment, (str(self), self.written)

    def __repr__(self) -> str:
        return repr(self.written)


def protect(text: str) -> str:
    """The text of a file with every reference in a form that YAML leaves alone; lines stay lines."""
    return _WRITTEN.sub(rf"{_OPEN}\1{_CLOSE}", text)


def written(text: str) -> str:
    """The text as the file has it: the opposite of ``protect``."""
    return _PROTECTED.sub(r"${\1}", text)


def replaced(text: str, environ: Mapping[str, str]) -> str:
    """A protected string with its values. Raises ``ValueError``, which names no value, for a variable that is
    not set and for a ``${`` that is no reference."""
    if "${" in text:
        raise ValueError("a reference to the environment is written ${NAME}, with letters, digits and _ only")
    names = _PROTECTED.findall(text)
    if not names:
        return text
    unset = [name for name in names if name not in environ]
    if unset:
        raise ValueError(f"the environment variable {unset[0]} is not set")
    return FromEnvironment(_PROTECTED.sub(lambda found: environ[found[1]], text), written(text))
