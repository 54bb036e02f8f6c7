from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.environment import prepare
from flows.serving import server
from rag.settings import load_settings
from tests.flows.commands import lockgate
from tests.flows.projects import TinyProject, tiny_project


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session", autouse=True)
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for all tests, as ``lockgate up`` starts it; its API address.

    It is named in the environment before anything here imports Prefect, which reads that once.
    """
    home = tiny_project(tmp_path_factory.mktemp("server"))
    before = dict(os.environ)
    os.environ["PREFECT_HOME"] = str(home.state / "prefect")
    os.environ.pop("PREFECT_API_URL", None)
    prepare(home.state)
    try:
        with server(load_settings(home.config), free_port()) as url:
            os.environ["PREFECT_API_URL"] = f"{url}/api"
            yield f"{url}/api"
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyProject:
    """A project with nothing ingested yet."""
    return tiny_project(tmp_path / "tiny")


@pytest.fixture(scope="session")
def promoted_original(tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A project after its first run. Tests copy it, none changes it."""
    project = tiny_project(tmp_path_factory.mktemp("original") / "tiny")
    ended = lockgate("run", "--json", project=project)
    assert ended.code == 0, ended.err
    return project


@pytest.fixture
def promoted(promoted_original: TinyProject, tmp_path: Path) -> TinyProject:
    """A project whose version 1 is promoted."""
    return promoted_original.copied_to(tmp_path / "tiny")
