"""Searching as whom a token says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import PrincipalError, TokenError, UsageError
from rag.retrieval import QueryCache, Retriever
from tests.rag.identity.issuer import Application, KeyServer, claims, part, signed
from tests.support.harness import ADA, Harness
from tests.support.source import MemorySource


@pytest.fixture
def application() -> Iterator[Application]:
    server = KeyServer()
    yield Application(server.url)
    server.stop()


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    source = MemorySource()
    source.put("mine", "text of ada", "user:ada@acme.example")
    source.put("keys", "text of eng", "group:eng")
    source.put("menu", "text for all", "public")
    source.put("pay", "text without ada", "public", deny=("group:staff",))
    with Harness(tmp_path, tenant=None) as harness:
        harness.ingest(source)
        harness.promote()
        yield harness


@pytest.fixture
def retriever(harness: Harness, application: Application) -> Iterator[Retriever]:
    with Retriever(
        harness.catalog,
        harness.store,
        harness.embedder,
        harness.bm25,
        verifier=application.verifier,
        cache=QueryCache(10),
    ) as retriever:
        yield retriever


def documents(retriever: Retriever, token: str) -> list[str]:
    return sorted(hit.document for hit in retriever.search("text", token=token, limit=10))


def test_a_token_says_who_asks_and_in_which_groups_they_are(retriever: Retriever) -> None:
    assert documents(retriever, signed(claims())) == ["s/keys", "s/menu", "s/mine"]


def test_a_group_that_the_token_asserts_denies_too(retriever: Retriever) -> None:
    assert "s/pay" not in documents(retriever, signed(claims()))
    assert "s/pay" in documents(retriever, signed(claims(groups=["eng"])))


def test_a_token_without_the_group_gets_nothing_that_another_token_has_left_behind(
    retriever: Retriever,
) -> None:
    assert "s/keys" in documents(retriever, signed(claims()))
    assert "s/keys" not in documents(retriever, signed(claims(groups=["staff"])))
    assert [
        hit.document for hit in retriever.search("text", principal=ADA, match={"document": "s/keys"})
    ] == []


def test_groups_of_the_token_count_beside_those_of_directories(
    harness: Harness, retriever: Retriever
) -> None:
    harness.set_groups({"group:eng": {"group:interns"}})
    assert "s/keys" in documents(retriever, signed(claims(groups=["interns"])))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(claims(exp=1.0)),
        signed(claims(iss="https://other.example")),
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.",
        f"{part({'alg': 'none', 'kid': 'rsa'})}.{part(claims())}.AA",
    ],
)
def test_a_token_that_proves_nothing_gets_an_error_and_no_answer(retriever: Retriever, token: str) -> None:
    with pytest.raises(TokenError) as caught:
        retriever.search("text", token=token)
    assert "ada" not in str(caught.value)


def test_a_principal_beside_a_token_is_an_error(retriever: Retriever) -> None:
    with pytest.raises(UsageError, match="a principal and a token"):
        retriever.search("text", principal="public", token=signed(claims()))


def test_neither_of_them_is_an_error(retriever: Retriever) -> None:
    with pytest.raises(PrincipalError):
        retriever.search("text")


def test_where_no_issuer_is_named_no_token_is_taken(harness: Harness) -> None:
    with pytest.raises(TokenError, match="no tokens are taken"):
        harness.retriever().search("text", token=signed(claims()))
