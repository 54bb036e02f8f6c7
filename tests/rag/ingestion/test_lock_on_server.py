"""One writer at a time among machines that share a catalog on a server, and have no file in common."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import text

from rag.catalog import Catalog
from rag.catalog.tables import Source
from rag.errors import CatalogUnavailableError, WriterBusyError
from rag.ingestion import is_writing, writer_lock
from tests.support.postgres import OwnServer, Server

HOLDER = """
import sys
from pathlib import Path
from rag.catalog import Catalog
from rag.ingestion import writer_lock
catalog = Catalog.open(sys.argv[2], migrate=True)
with writer_lock(Path(sys.argv[1]), catalog):
    print("held", flush=True)
    sys.stdin.read()
catalog.close()
"""


@pytest.fixture
def catalog(postgres_url: str) -> Iterator[Catalog]:
    catalog = Catalog.open(postgres_url, migrate=True)
    yield catalog
    catalog.close()


@contextmanager
def holder(state: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """Another machine, as far as files go, which holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_another_machine_is_refused_and_told_who_writes(
    tmp_path: Path, catalog: Catalog, postgres_url: str
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with holder(there, postgres_url) as other:
        assert is_writing(here, catalog)
        assert not is_writing(here)
        with pytest.raises(WriterBusyError) as caught, writer_lock(here, catalog):
            pass
        words = str(caught.value)
        assert f"lockgate, process {other.pid} on " in words
        assert "from 127.0.0.1, server process " in words
        assert ", since 20" in words
        assert "***" in caught.value.where
        assert not is_writing(here)  # the file's lock was given back
        other.communicate("")
    with writer_lock(here, catalog) as lock:
        lock.check()
        assert is_writing(there, catalog)
    assert not is_writing(here, catalog)


def test_on_the_same_machine_the_file_says_who_writes(
    tmp_path: Path, catalog: Catalog, postgres_url: str
) -> None:
    with (
        holder(tmp_path, postgres_url) as other,
        pytest.raises(WriterBusyError) as caught,
        writer_lock(tmp_path, catalog),
    ):
        pass
    assert f"process {other.pid}, since 20" in str(caught.value)


def test_a_holder_killed_by_force_gives_the_lock_back(
    tmp_path: Path, catalog: Catalog, postgres_url: str
) -> None:
    with holder(tmp_path / "there", postgres_url) as other:
        other.kill()
        other.wait()
        with writer_lock(tmp_path / "here", catalog, wait_seconds=30) as lock:
            lock.check()


def test_who_may_wait_gets_the_lock_when_it_is_given_back(
    tmp_path: Path, catalog: Catalog, postgres_url: str
) -> None:
    with holder(tmp_path / "there", postgres_url) as other:
        ending = Timer(0.2, other.kill)
        ending.start()
        with writer_lock(tmp_path / "here", catalog, wait_seconds=30) as lock:
            lock.check()
        ending.join()


def test_a_lock_whose_connection_was_lost_is_no_longer_held(
    tmp_path: Path, catalog: Catalog, postgres: Server, postgres_url: str
) -> None:
    with writer_lock(tmp_path, catalog) as lock:
        lock.check()
        postgres.end_connections(postgres_url)
        for _ in range(2):
            with pytest.raises(WriterBusyError, match="connection that held the writer's lock was lost"):
                lock.check()
        with writer_lock(tmp_path / "elsewhere", catalog) as other:
            other.check()
    with writer_lock(tmp_path, catalog) as lock:
        lock.check()


def test_a_lock_lost_unnoticed_ends_without_a_second_error(
    tmp_path: Path, catalog: Catalog, postgres: Server, postgres_url: str
) -> None:
    with pytest.raises(RuntimeError, match="midway"), writer_lock(tmp_path, catalog):  # noqa: PT012
        postgres.end_connections(postgres_url)
        raise RuntimeError("midway")
    assert not is_writing(tmp_path, catalog)


def test_a_server_that_is_down_gives_no_lock(
    tmp_path: Path, catalog: Catalog, own_postgres: OwnServer
) -> None:
    own_postgres.stop()
    try:
        with pytest.raises(CatalogUnavailableError), writer_lock(tmp_path, catalog):
            pass
    finally:
        own_postgres.start()
    assert not is_writing(tmp_path, catalog)


def test_projects_in_different_databases_do_not_meet(
    tmp_path: Path, catalog: Catalog, postgres: Server
) -> None:
    url = postgres.new_database()
    other = Catalog.open(url, migrate=True)
    with writer_lock(tmp_path / "one", catalog):
        assert not is_writing(tmp_path / "two", other)
        with writer_lock(tmp_path / "two", other) as lock:
            lock.check()
    other.close()
    postgres.drop(url)


def test_the_holder_still_reads_and_writes(tmp_path: Path, catalog: Catalog) -> None:
    with writer_lock(tmp_path, catalog) as lock:
        with catalog.write() as session:
            session.add(Source(name="wiki"))
        with catalog.read() as session:
            assert session.get_one(Source, "wiki").name == "wiki"
        lock.check()


def test_the_lock_takes_none_of_the_connections_that_others_share(tmp_path: Path, catalog: Catalog) -> None:
    with writer_lock(tmp_path, catalog), catalog.connect() as connection:
        found = connection.execute(
            text("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
        )
        assert f"process {os.getpid()} on" in " ".join(sorted(name for (name,) in found))
        assert catalog.engine.pool.status().endswith("Current Checked out connections: 1")
