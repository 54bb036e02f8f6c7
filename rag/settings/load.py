"""Reads ``lockgate.yaml``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from rag.settings.base import Origin
from rag.settings.explain import explain
from rag.settings.problems import Problem, error_for
from rag.settings.settings import Settings
from rag.settings.yaml_file import read_yaml

_INIT = "Run `lockgate init` to write one, or name another with --config."


def load_settings(
    path: str | Path = "lockgate.yaml", *, environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings in the file at ``path``, with ``${NAME}`` from ``environ`` (by default the process's own).

    Raises ``ConfigurationError``: ``where`` is ``file:line``, ``what`` lists every problem by its key path;
    no value of the environment is in it.
    """
    file = read_yaml(Path(path), environ=os.environ if environ is None else environ, next_step=_INIT)
    if not isinstance(file.value, dict):
        raise error_for(file.name, [Problem((), file.line(()), "expected keys such as project and sources")])
    origin = Origin(Path(path).absolute().parent, file.name, MappingProxyType(dict(file.lines)))
    problems = list(file.problems)
    try:
        settings = Settings.model_validate(file.value, context=origin)
    except ValidationError as error:
        # What could not be read has no value, and a second complaint about that would only mislead.
        unread = {problem.path for problem in file.problems}
        problems += [problem for problem in explain(error, file) if problem.path not in unread]
        raise error_for(file.name, problems) from None
    if problems:
        raise error_for(file.name, problems)
    return settings
