"""A throw-away PostgreSQL server, or the one that ``LOCKGATE_TEST_POSTGRES_URL`` names."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from rag.catalog import Catalog

VARIABLE = "LOCKGATE_TEST_POSTGRES_URL"
_USER = "lockgate"
PASSWORD = "p@ss/w%rd:1"  # every character that a URL has to escape
_NUMBERS = count(1)


class Server:
    """A server with a user that may create databases."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._migrated: str | None = None

    def new_database(self, template: str = "template0") -> str:
        """The URL of an empty database, ours alone."""
        name = f"lockgate_test_{os.getpid()}_{next(_NUMBERS)}"
        self.sql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE {template}")
        return self.url.set(database=name).render_as_string(hide_password=False)

    def new_catalog(self) -> str:
        """The URL of a database with an empty catalog in it; a copy costs less than its migrations."""
        if self._migrated is None:
            self._migrated = self.new_database()
            Catalog.open(self._migrated, migrate=True).close()
        template = make_url(self._migrated).database
        assert template is not None
        return self.new_database(template)

    def clear(self) -> None:
        """Drops what ``new_catalog`` copies."""
        if self._migrated is not None:
            self.drop(self._migrated)
            self._migrated = None

    def drop(self, url: str) -> None:
        """Drops a database made by ``new_database``, whoever still uses it."""
        self.sql(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Executes one statement as the administrator."""
        with self._connect() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def end_connections(self, url: str) -> None:
        """Ends every connection to a database, as a failover would."""
        self.sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE datname = '{make_url(url).database}' AND pid <> pg_backend_pid()"
        )

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        url = self.url
        return psycopg.connect(
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            dbname=url.database,
            autocommit=True,
        )


class OwnServer(Server):
    """A server that runs in a folder of its own, on a free port of the loopback interface."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        super().__init__(URL.create("postgresql+psycopg", _USER, PASSWORD, "127.0.0.1", port, "postgres"))
        self._binaries = binaries
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Makes the cluster. Its texts sort as people sort them, which is not how SQLite does."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (self._folder, password):
                shutil.chown(path, "postgres", "postgres")
        self._run(
            *("initdb", "--pgdata", str(self._folder / "data"), "--username", _USER),
            *("--auth", "scram-sha-256", "--pwfile", str(password), "--encoding", "UTF8", "--no-sync"),
            *("--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"),
        ).communicate()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.url.port),
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "lc_messages": "C",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self._folder / "data"), *options)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.sql("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it: SIGINT ends every connection, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Ends every connection; afterwards it is there as if nothing had been."""
        self.stop()
        self.start()

    @contextmanager
    def as_standby(self) -> Iterator[None]:
        """Restarts it as one that only replays what a primary sends."""
        signal_file = self._folder / "data" / "standby.signal"
        self.stop()
        signal_file.touch()
        try:
            self.start()
            yield
        finally:
            self.stop()
            signal_file.unlink()
            self.start()

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # It refuses to run as root, and must not outlive us, however we end.
        become = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        return subprocess.Popen(
            ["setpriv", "--pdeathsig=INT", *become, str(self._binaries / program), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt at the terminal is for us alone: we stop it
        )


def binaries() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs; None if there is none."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4])
    )
    return installed[-1].parent if installed else None


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A new server, gone at the end."""
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="lockgate-postgres-"))
    server = OwnServer(programs, folder)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
