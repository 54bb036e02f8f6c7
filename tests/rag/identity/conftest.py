"""A server of keys, and an application that trusts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rag.identity.issuer import Application, KeyServer


@pytest.fixture
def server() -> Iterator[KeyServer]:
    running = KeyServer()
    yield running
    running.stop()


@pytest.fixture
def application(server: KeyServer) -> Application:
    return Application(server.url)
