"""The client of OpenAI-compatible models, against a server that answers well and badly."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from rag.answering.model_thread import run_apart
from rag.answering.openai_model import ModelPin, OpenAIModel
from rag.answering.port import Completion, Message, Usage
from rag.errors import ConfigurationError, ModelError, ModelRefusedError, ModelUnavailableError
from tests.support.openai_server import (
    NAME,
    Behaviour,
    OpenAIServer,
    another_model,
    answers,
    body,
    cut_off,
    dripping,
    empty,
    filtered,
    half_a_body,
    hung_up,
    no_choices,
    not_json,
    openai_server,
    refuses,
    silent,
    status,
    truncated_json,
)

KEY = "sk-a-key-that-nobody-may-see"
SECRET = "The merger with Kittiwake is off."
ASKED = [Message("system", "Answer in one word."), Message("user", f"{SECRET} Is it?")]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


def pinned(server: OpenAIServer, **settings: Any) -> ModelPin:
    return ModelPin(url=server.url, name=NAME, **{"timeout_seconds": 5.0, "api_key": KEY, **settings})


def asked(server: OpenAIServer, **settings: Any) -> Completion:
    return OpenAIModel(pinned(server, **settings)).complete(ASKED)


def failed(server: OpenAIServer, **settings: Any) -> ModelError:
    """The error of a call, of which no part may show what was asked, what was said, or the key."""
    with pytest.raises(ModelError) as caught:
        asked(server, **settings)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert SECRET not in shown
    assert KEY not in shown
    return caught.value


def test_an_answer_comes_with_its_tokens_and_their_price(server: OpenAIServer) -> None:
    server.then(answers("No, it is not."))
    said = asked(server, prompt_price=2.0, completion_price=10.0)
    assert said.text == "No, it is not."
    # 4 and 8 words were asked, 4 were said, each a token: 12 * 2 + 4 * 10 millionths.
    assert said.usage == Usage(calls=1, prompt_tokens=12, completion_tokens=4, cost=64e-6)


def test_the_endpoint_is_sent_what_is_pinned_and_nothing_that_is_not(server: OpenAIServer) -> None:
    asked(server, seed=7, max_tokens=33)
    asked(server, temperature=None)
    conversation = [{"role": one.role, "content": one.content} for one in ASKED]
    assert server.requests == [
        {"model": NAME, "messages": conversation, "temperature": 0.0, "seed": 7, "max_tokens": 33},
        {"model": NAME, "messages": conversation, "max_tokens": 1024},
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_what_the_environment_holds_for_other_endpoints_is_not_sent(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"sk-of-another-{name}")
    assert asked(server, api_key=None).text == "Yes."
    assert not [value for value in server.headers[0].values() if "sk-of-another" in value]
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("once", [status(500), status(503), status(408), hung_up, half_a_body, silent(30)])
def test_what_may_pass_is_tried_again(server: OpenAIServer, once: Behaviour) -> None:
    server.then(once, answers("Better now."))
    said = asked(server, timeout_seconds=1.0)
    assert (said.text, said.usage.calls, len(server.requests)) == ("Better now.", 2, 2)


@pytest.mark.parametrize("always", [status(502), hung_up, half_a_body, status(429)])
def test_attempts_are_bounded(server: OpenAIServer, always: Behaviour) -> None:
    server.then(*[always] * 9)
    assert isinstance(failed(server, attempts=3), ModelUnavailableError)
    assert len(server.requests) == 3


@pytest.mark.parametrize("slow", [silent(30), dripping(0.05), dripping(0.05, head_first=False)])
def test_a_server_that_says_nothing_or_drips_holds_nobody_longer_than_pinned(
    server: OpenAIServer, slow: Behaviour
) -> None:
    server.then(slow, slow)
    error = failed(server, timeout_seconds=0.4, attempts=2)
    assert isinstance(error, ModelUnavailableError)
    assert "no whole answer within" in error.what


def test_an_endpoint_that_nobody_listens_at_is_unavailable() -> None:
    with openai_server() as server:
        pin = pinned(server, attempts=2)
    with pytest.raises(ModelUnavailableError, match="connection"):
        OpenAIModel(pin).complete(ASKED)


def test_too_many_requests_are_waited_for_as_long_as_is_asked(server: OpenAIServer) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    server.then(status(429, Retry_After="0.2"), status(429, Retry_After=soon), answers("At last."))
    assert asked(server).text == "At last."


@pytest.mark.parametrize("wait", ["3600", "1e400", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_wait_beyond_the_deadline_is_not_begun(server: OpenAIServer, wait: str) -> None:
    server.then(status(429, Retry_After=wait))
    error = failed(server, attempts=5)
    assert isinstance(error, ModelUnavailableError)
    assert len(server.requests) == 1
    assert "It asks to be left alone for" in str(error)


@pytest.mark.parametrize("wait", ["nan", "-5", "", "soon", "Thu, 99 Abc 2026 00:00:00 GMT"])
def test_a_wait_that_is_none_is_ours_to_choose(server: OpenAIServer, wait: str) -> None:
    server.then(status(429, Retry_After=wait), answers("Yes, again."))
    assert asked(server).text == "Yes, again."


@pytest.mark.parametrize("refusal", [refuses, filtered])
def test_a_refusal_is_one_and_is_not_asked_again(server: OpenAIServer, refusal: Behaviour) -> None:
    server.then(refusal)
    assert isinstance(failed(server), ModelRefusedError)
    assert len(server.requests) == 1


def test_a_filter_before_the_model_is_a_refusal(server: OpenAIServer) -> None:
    server.then(body(b'{"error": {"code": "content_filter", "message": "no"}}', 400))
    assert isinstance(failed(server), ModelRefusedError)


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (cut_off, "cut off at 1024 tokens"),
        (empty, "empty"),
        (another_model, "another model answered: 'a-cheaper-model'"),
        (answers("Yes.", model=f"{NAME}-mini"), f"another model answered: '{NAME}-mini'"),
        (answers("Yes.", model=SECRET), "its name is no name"),
        (not_json, "not a chat completion"),
        (truncated_json, "not a chat completion"),
        (no_choices, "not a chat completion"),
        (body(b""), "not a chat completion"),
        (body(b"[" * 100_000), "not a chat completion"),
        (body(b'{"choices": [{"message": {"content": "Yes."}}]}'), "not a chat completion"),
        (body(b"moved", 307, Location="/elsewhere"), "refused the request (HTTP 307)"),
    ],
)
def test_what_is_no_answer_of_the_pinned_model_is_an_error(
    server: OpenAIServer, reply: Behaviour, what: str
) -> None:
    server.then(reply)
    error = failed(server)
    assert not isinstance(error, ModelUnavailableError | ModelRefusedError)
    assert what in error.what
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422])
def test_what_a_person_must_mend_is_not_tried_again_and_says_how(server: OpenAIServer, code: int) -> None:
    server.then(status(code))
    error = failed(server)
    assert not isinstance(error, ModelUnavailableError)
    assert f"HTTP {code}" in error.what
    assert error.next_step
    assert server.url in error.where
    assert len(server.requests) == 1


def test_a_dated_snapshot_of_the_pinned_model_is_that_model(server: OpenAIServer) -> None:
    server.then(answers("Yes.", model=f"{NAME}-2026-08-06"))
    assert asked(server).text == "Yes."


def test_half_a_character_is_told_apart(server: OpenAIServer) -> None:
    with pytest.raises(ModelError, match="half a character"):
        OpenAIModel(pinned(server)).complete([Message("user", "broken \ud83d emoji")])


def test_a_reply_without_usage_costs_nothing_that_is_known(server: OpenAIServer) -> None:
    reply = b'{"model": "little-model", "choices": [{"message": {"content": "Yes."}}], "usage": %b}'
    server.then(body(reply % b"null"), body(reply % b'{"prompt_tokens": -5, "completion_tokens": "many"}'))
    assert [asked(server).usage, asked(server).usage] == [Usage(calls=1), Usage(calls=1)]


def test_nothing_asked_or_said_is_logged_even_where_everything_is(
    server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("openai").setLevel(logging.NOTSET)
    server.then(status(500), answers("Kittiwake is off."))
    asked(server)
    assert caplog.text
    assert "Kittiwake" not in caplog.text
    assert KEY not in caplog.text


def test_a_model_is_shared_between_threads_and_asked_inside_a_running_loop(server: OpenAIServer) -> None:
    server.say = lambda messages: messages[-1]["content"]
    model = OpenAIModel(pinned(server, timeout_seconds=30.0))
    questions = [f"question {number}" for number in range(12)]
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda question: model.complete([Message("user", question)]).text, questions))
    assert said == questions

    async def inside() -> str:
        return model.complete([Message("user", "inside")]).text

    assert asyncio.run(inside()) == "inside"


def test_a_host_whose_name_is_looked_up_for_ever_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found.wait(60) or [])
    pin = ModelPin(url="http://model.invalid/v1", name=NAME, timeout_seconds=0.2, attempts=2)
    with pytest.raises(ModelUnavailableError, match="no whole answer"):
        OpenAIModel(pin).complete(ASKED)
    assert not found.is_set()
    found.set()


def test_an_interrupted_caller_cancels_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    def interrupted(outcome: Future[None], timeout: float | None = None) -> None:
        begun.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_apart(work)
    assert cancelled.wait(10)


def test_the_fingerprint_follows_what_changes_answers_and_nothing_else() -> None:
    pin = ModelPin(url="http://localhost/v1", name="m")
    same = ModelPin(
        "http://localhost/v1/", "m", "key", timeout_seconds=1, attempts=9, prompt_price=3, completion_price=4
    )
    others = [
        ModelPin(url="http://localhost/v2", name="m"),
        ModelPin(url="http://localhost/v1", name="n"),
        ModelPin(url="http://localhost/v1", name="m", temperature=0.5),
        ModelPin(url="http://localhost/v1", name="m", temperature=None),
        ModelPin(url="http://localhost/v1", name="m", seed=0),
        ModelPin(url="http://localhost/v1", name="m", max_tokens=1025),
    ]
    assert OpenAIModel(same).fingerprint == OpenAIModel(pin).fingerprint
    assert len({pin.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_a_pin_does_not_show_its_key() -> None:
    assert KEY not in repr(ModelPin(url="http://localhost/v1", name="m", api_key=KEY))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"url": "localhost:8000"}, "http"),
        ({"url": "http://"}, "http"),
        ({"url": "http://[::1/v1"}, "cannot be read"),
        ({"url": f"https://user:{KEY}@localhost/v1"}, "password"),
        ({"url": f"https://localhost/v1?key={KEY}"}, "query"),
        ({"name": " "}, "no name"),
        ({"api_key": f"{KEY}\n"}, "line break"),
        ({"api_key": "schlüssel"}, "cannot be sent"),
        ({"timeout_seconds": 0.0}, "timeout_seconds"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"attempts": 0}, "attempts"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"prompt_price": -1.0}, "prices"),
        ({"completion_price": float("nan")}, "prices"),
    ],
)
def test_a_pin_that_cannot_be_meant_is_refused_without_its_key(
    settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        ModelPin(**{"url": "http://localhost/v1", "name": "m", **settings})
    assert KEY not in str(caught.value)


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigurationError, match="Install openai"):
        OpenAIModel(ModelPin(url="http://localhost/v1", name="m"))
