"""The issuer's keys come and go, and its server too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rag.errors import KeysUnavailableError, TokenError, TransientError
from rag.identity import KeyRing
from tests.rag.identity.issuer import (
    OTHER_RSA,
    RSA,
    USUAL_KEYS,
    Application,
    KeyServer,
    claims,
    jwk,
    key_set_of,
    said,
    signed,
)

TOKEN = signed(claims(exp=9_000_000_000))
NEW = signed(claims(exp=9_000_000_000), OTHER_RSA, kid="new")


def test_nothing_is_fetched_before_a_token_comes(application: Application, server: KeyServer) -> None:
    assert server.requests == 0
    application.verify(TOKEN)
    application.verify(TOKEN)
    assert server.requests == 1


def test_a_key_that_is_rotated_in_is_found_by_one_fetch(application: Application, server: KeyServer) -> None:
    application.verify(TOKEN)
    server.lists(jwk(RSA, "rsa"), jwk(OTHER_RSA, "new"))
    application.clock.forward(seconds=30)
    assert application.verify(NEW).principal == "user:ada@acme.example"
    assert application.verify(TOKEN).principal == "user:ada@acme.example"
    assert server.requests == 2


def test_a_key_that_is_rotated_away_is_refused_once_keys_are_fetched(
    application: Application, server: KeyServer
) -> None:
    application.verify(TOKEN)
    server.lists(jwk(OTHER_RSA, "new"))
    application.clock.forward(minutes=59, seconds=59)
    application.verify(TOKEN)
    application.clock.forward(seconds=1)
    with pytest.raises(TokenError, match="a key that the issuer does not list"):
        application.verify(TOKEN)
    assert application.verify(NEW).principal == "user:ada@acme.example"
    assert server.requests == 2


def test_an_issuer_that_lists_no_key_has_withdrawn_all(application: Application, server: KeyServer) -> None:
    application.verify(TOKEN)
    server.lists()
    application.clock.forward(hours=1)
    with pytest.raises(TokenError, match="a key that the issuer does not list"):
        application.verify(TOKEN)


def test_a_thousand_forged_names_cause_one_fetch(application: Application, server: KeyServer) -> None:
    application.verify(TOKEN)
    application.clock.forward(seconds=30)
    header, payload, signature = NEW.split(".")
    for number in range(1000):
        with pytest.raises(TokenError, match="a key that the issuer does not list"):
            application.keys.find(f"forged{number}")
    with pytest.raises(TokenError, match="a key that the issuer does not list"):
        application.verify(f"{header}.{payload}.{signature}")
    assert server.requests == 2
    application.clock.forward(seconds=29)
    with pytest.raises(TokenError, match="try again in 30 seconds"):
        application.verify(NEW)
    assert server.requests == 2
    application.clock.forward(seconds=1)
    with pytest.raises(TokenError):
        application.verify(NEW)
    assert server.requests == 3


def test_forged_names_from_many_threads_cause_one_fetch(application: Application, server: KeyServer) -> None:
    application.verify(TOKEN)
    application.clock.forward(seconds=30)

    def forge(number: int) -> str:
        with pytest.raises(TokenError) as caught:
            application.keys.find(f"forged{number}")
        return caught.value.what

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(forge, range(100)))
    assert answers == {"the token names a key that the issuer does not list"}
    assert server.requests == 2


def test_known_keys_are_used_while_a_forged_name_is_looked_for(
    application: Application, server: KeyServer
) -> None:
    application.verify(TOKEN)
    application.clock.forward(seconds=30)
    asked, go_on = threading.Event(), threading.Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        go_on.wait(60)
        said(USUAL_KEYS)(handler)

    server.answer = slowly
    with ThreadPoolExecutor(1) as threads:
        forged = threads.submit(application.keys.find, "forged")
        assert asked.wait(60)
        assert application.verify(TOKEN).principal == "user:ada@acme.example"
        assert not forged.done()
        go_on.set()
        with pytest.raises(TokenError, match="does not list"):
            forged.result(60)


def test_while_the_server_is_down_keys_are_used_up_to_their_age_and_no_longer(
    application: Application, server: KeyServer
) -> None:
    application.verify(TOKEN)
    server.stop()
    application.clock.forward(minutes=59, seconds=59)
    assert application.verify(TOKEN).principal == "user:ada@acme.example"
    application.clock.forward(seconds=1)
    with pytest.raises(KeysUnavailableError) as caught:
        application.verify(TOKEN)
    error = caught.value
    assert error.what == "the issuer's keys cannot be had: Connection refused"
    assert (error.where, error.state) == (server.url, "No token is taken")
    assert isinstance(error, TransientError)
    assert error.exit_code == 1


def test_a_grace_is_for_keys_that_cannot_be_fetched(server: KeyServer) -> None:
    application = Application(server.url, grace="10m")
    application.verify(TOKEN)
    server.stop()
    application.clock.forward(hours=1, minutes=9, seconds=59)
    assert application.verify(TOKEN).principal == "user:ada@acme.example"
    application.clock.forward(seconds=1)
    with pytest.raises(KeysUnavailableError, match="No token is taken"):
        application.verify(TOKEN)


def test_a_grace_keeps_no_key_that_is_rotated_away(server: KeyServer) -> None:
    application = Application(server.url, grace="10m")
    application.verify(TOKEN)
    server.lists()
    application.clock.forward(hours=1)
    with pytest.raises(TokenError, match="a key that the issuer does not list"):
        application.verify(TOKEN)


def test_a_server_that_is_down_is_not_asked_for_every_token(
    application: Application, server: KeyServer
) -> None:
    server.answer = said(b"", 503)
    for _ in range(100):
        with pytest.raises(KeysUnavailableError, match="the server answers 503"):
            application.verify(TOKEN)
    assert server.requests == 1
    server.answer = said(USUAL_KEYS)
    application.clock.forward(seconds=30)
    assert application.verify(TOKEN).principal == "user:ada@acme.example"


def test_an_unknown_name_while_the_server_is_down_may_be_good(
    application: Application, server: KeyServer
) -> None:
    application.verify(TOKEN)
    server.answer = said(b"", 503)
    application.clock.forward(seconds=30)
    with pytest.raises(KeysUnavailableError, match="the server answers 503") as caught:
        application.verify(NEW)
    assert caught.value.state == ""
    assert application.verify(TOKEN).principal == "user:ada@acme.example"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (USUAL_KEYS[: len(USUAL_KEYS) // 2], "it is not JSON"),
        (b"", "it is not JSON"),
        (b"<html>Sign in</html>", "it is not JSON"),
        (b"\xff\xfe\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a JSON web key set"),
        (b"{}", "it is not a JSON web key set"),
        (b'{"keys": {"kid": "rsa"}}', "it is not a JSON web key set"),
    ],
)
def test_what_is_no_key_set_is_no_answer(
    application: Application, server: KeyServer, answer: bytes, why: str
) -> None:
    application.verify(TOKEN)
    server.answer = said(answer)
    application.clock.forward(minutes=30)
    with pytest.raises(KeysUnavailableError, match=why):
        application.verify(NEW)
    assert application.verify(TOKEN).principal == "user:ada@acme.example"
    application.clock.forward(minutes=30)
    with pytest.raises(KeysUnavailableError, match=f"{why}. No token is taken."):
        application.verify(TOKEN)


def test_entries_that_are_no_keys_spoil_no_others(application: Application, server: KeyServer) -> None:
    server.lists(None, 5, "rsa", [], {}, {"kid": 5}, {"kid": ""}, {"kid": "odd"}, jwk(RSA, "rsa"))
    assert application.verify(TOKEN).principal == "user:ada@acme.example"


def test_a_clock_that_is_set_back_makes_keys_neither_young_nor_unreachable(
    application: Application, server: KeyServer
) -> None:
    application.verify(TOKEN)
    server.lists(jwk(OTHER_RSA, "new"))
    application.clock.forward(days=-365)
    with pytest.raises(TokenError, match="a key that the issuer does not list"):
        application.keys.find("rsa")
    assert server.requests == 2


def test_a_file_is_read_again_like_an_answer(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    application = Application(str(file))
    with pytest.raises(KeysUnavailableError, match="No such file or directory") as caught:
        application.verify(TOKEN)
    assert caught.value.where == str(file)
    file.write_bytes(USUAL_KEYS)
    application.clock.forward(seconds=30)
    assert application.verify(TOKEN).principal == "user:ada@acme.example"
    file.write_bytes(key_set_of())
    application.clock.forward(hours=1)
    with pytest.raises(TokenError, match="does not list"):
        application.verify(TOKEN)


def test_errors_are_not_shared_between_calls(application: Application, server: KeyServer) -> None:
    server.stop()
    caught: list[KeysUnavailableError] = []
    for _ in range(2):
        with pytest.raises(KeysUnavailableError) as one:
            application.verify(TOKEN)
        caught.append(one.value)
    assert caught[0] is not caught[1]
    assert str(caught[0]) == str(caught[1])


def test_keys_that_are_old_on_arrival_are_not_used(server: KeyServer) -> None:
    application = Application(server.url, max_age="1s", min_refresh="1s")
    clock = application.clock

    def two_seconds_later() -> datetime:
        clock.forward(seconds=2)
        return clock()

    ring = KeyRing(application.settings, now=two_seconds_later)
    with pytest.raises(KeysUnavailableError, match="older than they may be"):
        ring.find("rsa")
