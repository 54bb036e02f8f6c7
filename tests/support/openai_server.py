"""A server on this machine that speaks OpenAI's chat completions, as well and as badly as a test wants."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rag.answering.port import Usage

NAME = "little-model"
Behaviour = Callable[["Exchange"], None]


class Exchange:
    """One request, and the means to answer it or not to."""

    def __init__(self, server: OpenAIServer, handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        self.server = server
        self.handler = handler
        self.asked = asked

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.begin(len(body), status, **headers)
        self.handler.wfile.write(body)

    def begin(self, length: int, status: int = 200, **headers: str) -> None:
        """The head of a reply whose body has ``length`` bytes."""
        self.handler.send_response(status)
        sent = {"Content-Type": "application/json", "Content-Length": str(length)}
        for name, value in (
            sent | {name.replace("_", "-"): value for name, value in headers.items()}
        ).items():
            self.handler.send_header(name, value)
        self.handler.end_headers()

    def completion(
        self, text: str | None = None, model: str = NAME, finish: str = "stop", **message: Any
    ) -> bytes:
        """The body of a chat completion. It reports a token for each word, and the server adds them up."""
        said = self.server.say(self.asked["messages"]) if text is None else text
        asked = sum(len(one["content"].split()) for one in self.asked["messages"])
        answered = len(said.split())
        self.server.report(Usage(0, asked, answered))
        choice = {"finish_reason": finish, "message": {"role": "assistant", "content": said, **message}}
        body = {
            "model": model,
            "choices": [choice],
            "usage": {"prompt_tokens": asked, "completion_tokens": answered},
        }
        return json.dumps(body).encode()


class OpenAIServer:
    """Answers with ``say`` of the messages; but ``then`` what it was told first, in that order, and every
    ``every``-th request with the next of ``hostile``, in turn."""

    def __init__(self, say: Callable[[list[dict[str, str]]], str]) -> None:
        self.say = say
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.reported = Usage()
        self.stopping = threading.Event()
        self.hostile: list[Behaviour] = []
        self.every = 0
        self._next: deque[Behaviour] = deque()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    behaviour = server._behaviour(self.path)
                    server.requests.append(asked)
                    server.headers.append(dict(self.headers.items()))
                behaviour(Exchange(server, self, asked))

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Nothing: clients hang up on hostile answers."""

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def then(self, *behaviours: Behaviour) -> None:
        """The next requests are answered so, one by one."""
        self._next.extend(behaviours)

    @property
    def prompts(self) -> list[str]:
        """The last message of each request."""
        return [asked["messages"][-1]["content"] for asked in self.requests]

    def report(self, usage: Usage) -> None:
        with self._lock:
            self.reported += usage

    def stop(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _behaviour(self, path: str) -> Behaviour:
        if path != "/v1/chat/completions":
            return status(404)
        if self._next:
            return self._next.popleft()
        number = len(self.requests) + 1
        if self.every and number % self.every == 0:
            return self.hostile[(number // self.every - 1) % len(self.hostile)]
        return answers()


@contextmanager
def openai_server(
    say: Callable[[list[dict[str, str]]], str] = lambda messages: "Yes.",
) -> Iterator[OpenAIServer]:
    server = OpenAIServer(say)
    try:
        yield server
    finally:
        server.stop()


def answers(text: str | None = None, model: str = NAME, finish: str = "stop", **message: Any) -> Behaviour:
    return lambda one: one.send(one.completion(text, model, finish, **message))


def body(content: bytes, code: int = 200, **headers: str) -> Behaviour:
    """Exactly these bytes."""
    return lambda one: one.send(content, code, **headers)


def status(code: int, **headers: str) -> Behaviour:
    """An error that repeats what it was asked, and with which key, as some servers do."""

    def answer(one: Exchange) -> None:
        said = {"message": json.dumps(one.asked) + str(one.handler.headers["Authorization"])}
        one.send(json.dumps({"error": said}).encode(), code, **headers)

    return answer


def silent(seconds: float) -> Behaviour:
    """Says nothing for so long, and hangs up."""

    def answer(one: Exchange) -> None:
        one.server.stopping.wait(seconds)
        one.handler.close_connection = True

    return answer


def dripping(gap_seconds: float, head_first: bool = True) -> Behaviour:
    """The right answer, a byte at a time: its body alone, or its head as well."""

    def answer(one: Exchange) -> None:
        content = b'{"choices": "' + b"x" * 100_000
        if head_first:
            one.begin(len(content))
        else:
            content = b"HTTP/1.1 200 OK\r\nX-Slow: " + content
        for place in range(len(content)):
            if one.server.stopping.wait(gap_seconds):
                break
            one.handler.wfile.write(content[place : place + 1])
        one.handler.close_connection = True

    return answer


def half_a_body(one: Exchange) -> None:
    """The connection is reset in the middle of an answer."""
    content = b'{"id": "1", "choices": [{"message": {"content": "Ye'
    one.begin(1000)
    one.handler.wfile.write(content)
    one.handler.wfile.flush()
    one.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.handler.close_connection = True


def hung_up(one: Exchange) -> None:
    """The connection ends before any answer."""
    one.handler.close_connection = True


refuses = answers("", refusal="I will not say anything about that.")
filtered = answers("", finish="content_filter")
cut_off = answers("The office is", finish="length")
empty = answers("  ")
another_model = answers("Yes.", model="a-cheaper-model")
not_json = body(b"<html>It works!</html>", Content_Type="text/html")
truncated_json = body(b'{"id": "1", "model": "little-model", "choices": [{"mess')
no_choices = body(b'{"model": "little-model", "choices": []}')
