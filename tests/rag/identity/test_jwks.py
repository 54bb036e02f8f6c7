"""Reading the key set: bounded in time and size, and never led elsewhere."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rag.errors import KeysUnavailableError
from rag.identity.jwks import MOST_BYTES, read_jwks
from tests.rag.identity.issuer import USUAL_KEYS, KeyServer, said


def failure(location: str, *, timeout_seconds: float = 5.0) -> str:
    with pytest.raises(KeysUnavailableError) as caught:
        read_jwks(location, timeout_seconds=timeout_seconds)
    return caught.value.what.removeprefix("the issuer's keys cannot be had: ")


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/keys"


def test_an_answer_is_returned_as_it_is(server: KeyServer) -> None:
    assert read_jwks(server.url) == USUAL_KEYS


def test_a_mebibyte_is_read_and_no_byte_more(server: KeyServer, tmp_path: Path) -> None:
    server.answer = said(b"x" * MOST_BYTES)
    assert len(read_jwks(server.url)) == 1_048_576
    server.answer = said(b"x" * (MOST_BYTES + 1))
    assert failure(server.url) == "they are longer than 1 MiB"
    (tmp_path / "keys").write_bytes(b"x" * (MOST_BYTES + 1))
    assert failure(str(tmp_path / "keys")) == "they are longer than 1 MiB"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    assert failure("/dev/zero") == "they are longer than 1 MiB"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/other", "https://evil.example/keys", "file:///etc/passwd"])
def test_a_redirect_is_not_followed(server: KeyServer, status: int, target: str) -> None:
    server.answer = said(b"", status, Location=target)
    assert failure(server.url) == f"the server answers {status}, and a redirect is not followed"
    assert server.requests == 1


@pytest.mark.parametrize("status", [201, 206, 400, 401, 404, 500, 503])
def test_no_other_answer_than_200_will_do(server: KeyServer, status: int) -> None:
    server.answer = said(b"it says: s3cr3t", status)
    assert failure(server.url) == f"the server answers {status}"


def test_a_server_that_does_not_speak_http_is_not_quoted(server: KeyServer) -> None:
    def nonsense(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"s3cr3t\r\n\r\n")

    server.answer = nonsense
    assert failure(server.url) == "BadStatusLine"


def test_a_server_that_says_nothing_is_not_waited_for(silent: str) -> None:
    assert failure(silent, timeout_seconds=0.2) == "no whole answer in time"


def test_an_answer_that_trickles_in_is_not_waited_for(server: KeyServer) -> None:
    enough = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not enough.wait(0.05):
            try:
                handler.wfile.write(b" ")
            except OSError:
                # Whoever asked has left.
                return

    server.answer = trickle
    try:
        assert failure(server.url, timeout_seconds=0.3) == "no whole answer in time"
        for reader in threading.enumerate():
            if reader.name == "jwks":
                reader.join(timeout=60)
                assert not reader.is_alive()
    finally:
        enough.set()


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert failure(str(pipe), timeout_seconds=0.2) == "no whole answer in time"
    # Lets the thread that waits for it go.
    with pipe.open("wb"):
        pass


def test_a_folder_is_no_key_set(tmp_path: Path) -> None:
    assert failure(str(tmp_path)) == "Is a directory"


def test_what_stands_in_the_query_of_a_url_is_not_told(server: KeyServer) -> None:
    server.answer = said(b"", 404)
    with pytest.raises(KeysUnavailableError) as caught:
        read_jwks(f"{server.url}?key=s3cr3t")
    assert caught.value.where == server.url


def test_no_proxy_is_asked_for_this_machine(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert read_jwks(server.url) == USUAL_KEYS


def test_a_host_that_cannot_be_looked_up_is_no_accident() -> None:
    assert failure(f"https://{'a' * 64}.example/keys") == "UnicodeError"


def test_a_server_that_speaks_no_tls_is_refused(server: KeyServer) -> None:
    assert "SSL" in failure(server.url.replace("http:", "https:"))
