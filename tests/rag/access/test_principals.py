"""Principals."""

from __future__ import annotations

import pytest

from rag.access import PUBLIC, principal
from rag.errors import PrincipalError


@pytest.mark.parametrize(
    "text", ["public", "user:ada@acme.example", "group:eng", "user:a:b", "user:José", "user:x\u0301"]
)
def test_a_principal_is_returned_as_it_is(text: str) -> None:
    assert principal(text) == text


def test_public_is_a_principal_without_a_prefix() -> None:
    assert principal("public") == PUBLIC
    assert principal("".join(["pub", "lic"])) == PUBLIC


@pytest.mark.parametrize("nothing", [None, "", 5, b"user:ada", ["user:ada"]])
def test_without_a_principal_the_error_asks_for_one(nothing: object) -> None:
    with pytest.raises(PrincipalError, match="a principal is needed"):
        principal(nothing)


@pytest.mark.parametrize("text", ["ada", "User:ada", "PUBLIC", "role:admin", " user:ada", "public "])
def test_another_prefix_is_no_principal(text: str) -> None:
    with pytest.raises(PrincipalError, match="is not a principal"):
        principal(text)


@pytest.mark.parametrize(
    "text",
    [
        "user:",
        "group:",
        "user:a b",
        "user:a: b",
        "user:a\n",
        "user:a\u200b",  # zero width space: looks like user:a
        "user:a\u202eb",  # right-to-left override
        "user:Jose\u0301",  # denormalised: looks like user:José
        "user:\u212b",  # the sign for Ångström: looks like user:Å
        "user:\ud800",
    ],
)
def test_a_name_that_can_look_like_another_is_refused(text: str) -> None:
    with pytest.raises(PrincipalError, match="has an empty name"):
        principal(text)
