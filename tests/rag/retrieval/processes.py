"""Reader processes on the folder of a ``Harness``, at full speed until they are told to stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qdrant_client import QdrantClient

from rag.index import EdgeStore, IndexStore
from rag.index.qdrant_server import QdrantServerStore
from tests.support.qdrant_http import KEY

REPOSITORY = Path(__file__).parents[3]

Read = Callable[[Path, str], None]
"""What a reader process does with the folder and the URL of the server (empty: the embedded store): it calls
``is_ready`` once, reads until ``is_over``, and prints its report as JSON."""


def store_of(root: Path, url: str) -> IndexStore:
    """On the server at ``url``; with none, embedded below ``root``."""
    if not url:
        return EdgeStore(root / "index")
    client = QdrantClient(url=url, headers={"api-key": KEY}, timeout=30, check_compatibility=False)
    return QdrantServerStore(client, prefix="lockgate-test")


def is_ready(root: Path) -> None:
    """Tells that this reader reads."""
    (root / f"ready-{os.getpid()}").touch()


def is_over(root: Path) -> bool:
    """Whether this reader has been told to stop."""
    return (root / "stop").exists()


@contextmanager
def reading(read: Read, root: Path, url: str, *, readers: int) -> Iterator[list[dict[str, Any]]]:
    """So many processes read while the block lasts, and all of them from its first moment on.

    ``read`` is a function of a module. What it gives is filled with the reports when the block has ended.
    """
    call = f"import pathlib, {read.__module__} as m; m.{read.__name__}(pathlib.Path({str(root)!r}), {url!r})"
    processes = [
        subprocess.Popen([sys.executable, "-c", call], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(readers)
    ]
    reports: list[dict[str, Any]] = []
    try:
        _wait_for(lambda: len(list(root.glob("ready-*"))) == readers)
        yield reports
    finally:
        (root / "stop").touch()
        told = [process.communicate(timeout=60)[0] for process in processes]
    reports += [json.loads(text) for text in told]


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the readers did not start"
        time.sleep(0.05)
