"""Reads the issuer's key set, from a file or over HTTP, in bounded time and size."""

from __future__ import annotations

import http.client
import io
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from rag.errors import KeysUnavailableError

TIMEOUT_SECONDS = 5.0
MOST_BYTES = 1 << 20

_PIECE_BYTES = 64 << 10
_SLOW = "no whole answer in time"


def read_jwks(location: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> bytes:
    """What is at ``location``, an http or https URL or a path; 1 MiB at most, all in ``timeout_seconds``.

    Raises ``KeysUnavailableError``, without anything that the server said.
    """
    if "://" in location:
        # A key may stand in the query of a URL.
        where = location.partition("?")[0]
        return _in_time(lambda: _over_http(location, timeout_seconds), where, timeout_seconds)
    return _in_time(lambda: _from_file(Path(location), timeout_seconds), location, timeout_seconds)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other that is not 200: it could lead off https, or to another host."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def _over_http(url: str, timeout_seconds: float) -> bytes:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if urlsplit(url).scheme == "http":
        # This machine itself, which no proxy is on the way to.
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_seconds) as response:
            if response.status != 200:
                raise _unavailable(f"the server answers {response.status}")
            return _bounded(response, timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        redirected = ", and a redirect is not followed" if 300 <= error.code < 400 else ""
        raise _unavailable(f"the server answers {error.code}{redirected}") from None
    except urllib.error.URLError as error:
        raise _unavailable(_reason(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unavailable(_reason(error)) from error


def _from_file(path: Path, timeout_seconds: float) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file, timeout_seconds)
    except OSError as error:
        raise _unavailable(_reason(error)) from error


def _bounded(stream: io.BufferedReader | http.client.HTTPResponse, timeout_seconds: float) -> bytes:
    # An answer that trickles in must not keep its thread long after nobody waits for it any more.
    deadline = time.monotonic() + timeout_seconds
    data = bytearray()
    while piece := stream.read1(_PIECE_BYTES):
        data += piece
        if len(data) > MOST_BYTES:
            raise _unavailable("they are longer than 1 MiB")
        if time.monotonic() > deadline:
            raise _unavailable(_SLOW)
    return bytes(data)


def _reason(error: object) -> str:
    """What the system calls it; else what Python calls it, as the message may quote the server."""
    if isinstance(error, TimeoutError):
        return _SLOW
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__


def _unavailable(why: str) -> KeysUnavailableError:
    return KeysUnavailableError(f"the issuer's keys cannot be had: {why}")


def _in_time(read: Callable[[], bytes], where: str, timeout_seconds: float) -> bytes:
    """What ``read`` returns, or its error with ``where``. The time-out of a socket is for each byte anew, and
    that of a name server is not ours to set; so another thread waits for them, and is left if need be."""
    results: queue.SimpleQueue[bytes | KeysUnavailableError] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put(read())
        except KeysUnavailableError as error:
            results.put(error)

    threading.Thread(target=work, name="jwks", daemon=True).start()
    try:
        result = results.get(timeout=timeout_seconds)
    except queue.Empty:
        result = _unavailable(_SLOW)
    if isinstance(result, bytes):
        return result
    raise KeysUnavailableError(result.what, where=where, next_step="See that identity.jwks can be read.")
