"""Prefect's surroundings, set before it is imported: its home in the project's state, and nothing phones home."""

from __future__ import annotations

import json
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path

from rag.errors import ConfigurationError

DEFAULT_PORT = 4200

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAGAS_DO_NOT_TRACK": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""No telemetry from anything that we run."""


def prepare(state: Path, *, logging_level: str = "INFO", console_level: str = "CRITICAL") -> None:
    """Sets the environment for this process and its children. What is set already stays.

    ``logging_level`` is what the log of a run keeps, for the UI; ``console_level`` what of it comes to standard
    error as well. A command says itself, in one line, why it failed, so a run's traceback stays out of there.

    Runs are recorded in the project's own Prefect database, ``<state>/prefect``. Where ``lockgate up`` serves
    it, they go to that server; else Prefect starts one for as long as the process lives.

    Raises ``ConfigurationError`` where the state folder cannot be made.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        (state / "prefect").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the state folder cannot be made or written ({error.strerror})",
            where=str(state),
            next_step="Correct the key state in lockgate.yaml, or the rights of the folder.",
        ) from error
    os.environ.setdefault("PREFECT_HOME", str(state / "prefect"))
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", logging_level)
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", console_level)
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    # Empty, not unset, is what breaks the sending of events.
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.pop("PREFECT_API_URL", None)
        running = running_server(state)
        if running:
            os.environ["PREFECT_API_URL"] = running
    logging.getLogger("alembic").setLevel(logging.WARNING)


def server_file(state: Path) -> Path:
    """Where ``lockgate up`` notes the address of its server."""
    return state / "prefect" / "server.json"


def running_server(state: Path) -> str | None:
    """The API address of the project's running server, or None."""
    try:
        url: str = json.loads(server_file(state).read_text(encoding="utf-8"))["api"]
        return url if answers(url) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no server was started here, or the note of one is left over


def answers(api: str) -> bool:
    """Whether a Prefect server answers at this API address within two seconds."""
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
