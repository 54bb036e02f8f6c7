"""Catalogs on both dialects: ``pytestmark = pytest.mark.usefixtures("either_catalog")`` runs a module on each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.catalogs import CATALOGS
from tests.support.postgres import VARIABLE, OwnServer, Server, binaries, own_server

if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a worker for every core: models that take all of them would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for the whole session."""
    named = os.environ.get(VARIABLE)
    if named:
        server = Server(make_url(named))
        yield server
        server.clear()
    elif binaries() is None:
        pytest.skip(f"no PostgreSQL server is installed, and {VARIABLE} names none")
    else:
        with own_server() as own:
            yield own


@pytest.fixture
def own_postgres(postgres: Server) -> OwnServer:
    """The server, where it is ours to stop and to start again."""
    if not isinstance(postgres, OwnServer):
        pytest.skip(f"the server that {VARIABLE} names is not ours to stop")
    return postgres


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_catalog(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test once on each dialect, and says which; see ``CATALOGS``."""
    dialect: str = request.param
    if dialect == "sqlite":
        yield dialect
        return
    CATALOGS.server = request.getfixturevalue("postgres")
    try:
        yield dialect
    finally:
        CATALOGS.clear()


@pytest.fixture
def catalog_url(either_catalog: str, tmp_path: Path) -> str:
    """The URL of a catalog that is not there yet, on each dialect."""
    return CATALOGS.url(tmp_path, empty=True)
