from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.environment import prepare
from flows.serving import server
from rag.settings import load_settings
from tests.flows.commands import Ended, free_port, lockgate, real_lockgate
from tests.flows.projects import TinyProject, tiny_project


@dataclass(frozen=True)
class FirstRuns:
    """A project that was run twice, how each ended, and the rows of its catalog after each."""

    project: TinyProject
    first: Ended
    second: Ended
    rows_after_first: dict[str, int]
    rows_after_second: dict[str, int]


@pytest.fixture(scope="session", autouse=True)
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for all tests, started as ``lockgate up`` does; its API address.

    It is named in the environment before anything here imports Prefect, which reads that once.
    """
    home = tiny_project(tmp_path_factory.mktemp("server"))
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    prepare(home.state)
    try:
        with server(load_settings(home.config), free_port()) as url:
            os.environ["PREFECT_API_URL"] = f"{url}/api"
            yield f"{url}/api"
            _send_what_waits()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _send_what_waits() -> None:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)


@pytest.fixture(scope="session")
def first_runs(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> FirstRuns:
    """The first run by the real command, the second in this process, with nothing changed between them."""
    project = tiny_project(tmp_path_factory.mktemp("first") / "tiny")
    first = real_lockgate("run", "--json", "--config", str(project.config), cwd=project.root)
    assert first.code == 0, first.err
    after_first = project.content()
    second = lockgate("run", "--json", project=project)
    return FirstRuns(project, first, second, after_first, project.content())


@pytest.fixture(scope="session")
def original(first_runs: FirstRuns) -> TinyProject:
    """A project whose version 1 is promoted, to be looked at and not to be changed."""
    return first_runs.project


@pytest.fixture(scope="session")
def ingested_original(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A project whose version 1 waits, to be looked at and not to be changed."""
    project = tiny_project(tmp_path_factory.mktemp("ingested") / "tiny")
    ended = lockgate("ingest", "--json", project=project)
    assert ended.code == 0, ended.err
    return project


@pytest.fixture
def ingested(ingested_original: TinyProject, tmp_path: Path) -> TinyProject:
    """A copy of that project, to be changed."""
    return ingested_original.copied_to(tmp_path / "tiny")


@pytest.fixture
def promoted(original: TinyProject, tmp_path: Path) -> TinyProject:
    """A copy of that project, to be changed."""
    return original.copied_to(tmp_path / "tiny")


@pytest.fixture
def tiny(tmp_path: Path) -> TinyProject:
    """A project with nothing ingested yet."""
    return tiny_project(tmp_path / "tiny")
