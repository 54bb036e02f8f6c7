"""Short ways to open a catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

import rag.catalog.catalog
from rag.catalog import Catalog, engines
from tests.support.catalogs import CATALOGS


def url(folder: Path) -> str:
    """The URL of the folder's catalog, in the dialect of the test. Nothing is there before it is opened."""
    return CATALOGS.url(folder, empty=True)


def shown(folder: Path) -> str:
    """The same as an error may show it."""
    return engines.where(make_url(url(folder)))


@contextmanager
def opened(folder: Path) -> Iterator[Catalog]:
    """The catalog of ``folder``, made if it is not there, closed at the end."""
    catalog = Catalog.open(CATALOGS.url(folder), migrate=True)
    try:
        yield catalog
    finally:
        catalog.close()


def migrations() -> Config:
    """Alembic's configuration, without a connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(rag.catalog.catalog.__file__).parent / "migrations"))
    return config


def make_at(url: str, schema: str) -> None:
    """Makes a catalog as an earlier release made it."""
    config, engine = migrations(), engines.engine_at(url)
    with engines.writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema)
    engine.dispose()
