"""Prefect's server and UI, for as long as ``lockgate up`` lasts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.environment import answers, running_server, server_file
from rag.errors import LockgateError
from rag.settings import Settings

HOST = "127.0.0.1"
_START_SECONDS = 120
_LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
_LEASES_OF = "prefect.server.concurrency.lease_storage"


class ServerError(LockgateError):
    """Prefect's server could not be started."""


@contextmanager
def server(settings: Settings, port: int) -> Iterator[str]:
    """Runs Prefect's server for as long as the block lasts; gives its address, such as http://127.0.0.1:4200.

    Raises ``ServerError`` where one runs for this project already, the port is taken, or it does not come up.
    """
    running = running_server(settings.state)
    if running:
        raise ServerError(
            "this project's server runs already", where=running.removesuffix("/api"), next_step="Use that one"
        )
    _refuse_taken(port)
    url = f"http://{HOST}:{port}"
    note = server_file(settings.state)
    note.parent.mkdir(parents=True, exist_ok=True)
    log = note.with_name("server.log")
    # Slots of a deployment are leased. Prefect keeps the leases in memory by default, and a server that was
    # killed would never give back those that were taken.
    environment = {_LEASES: f"{_LEASES_OF}.filesystem", **os.environ, "PREFECT_UI_API_URL": f"{url}/api"}
    environment.pop("PREFECT_API_URL", None)
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "prefect",
                "server",
                "start",
                "--host",
                HOST,
                "--port",
                str(port),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # an interrupt at the terminal is ours to pass on, after the runs have ended
        )
    try:
        _await(process, url, log)
        note.write_text(json.dumps({"api": f"{url}/api", "process": process.pid}), encoding="utf-8")
        yield url
    finally:
        note.unlink(missing_ok=True)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServerError(
                f"port {port} is in use",
                where=HOST,
                next_step="Choose another with lockgate up --port, or end what listens there",
            ) from error


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(
                f"Prefect's server ended with code {process.returncode}", next_step=f"See {log}"
            )
        if answers(f"{url}/api"):
            return
        time.sleep(0.5)
    raise ServerError(f"Prefect's server did not answer within {_START_SECONDS} s", next_step=f"See {log}")
