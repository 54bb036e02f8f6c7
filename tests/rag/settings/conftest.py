"""A writer of ``lockgate.yaml`` files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rag.errors import ConfigurationError
from rag.settings import Settings, load_settings

Load = Callable[..., Settings]
Refuse = Callable[..., ConfigurationError]

MINIMAL = "project: acme\nsources:\n  - {name: handbook, connector: filesystem}\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads settings from a text, written to ``lockgate.yaml``."""

    def loaded(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "lockgate.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environ=environ or {})

    return loaded


@pytest.fixture
def refuse(load: Load, tmp_path: Path) -> Refuse:
    """The error for a text, with ``where`` as seen from the folder of the file."""

    def refused(text: str, environ: Mapping[str, str] | None = None) -> ConfigurationError:
        with pytest.raises(ConfigurationError) as caught:
            load(text, environ)
        caught.value.where = caught.value.where.removeprefix(f"{tmp_path}/")
        return caught.value

    return refused
