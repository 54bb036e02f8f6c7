"""Access rules: reading them, and the decision."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from rag.access import (
    EVERYBODY,
    NOBODY,
    AccessRule,
    AccessView,
    Memberships,
    Reader,
    explain,
    may_read,
    parse_rule,
)
from rag.errors import PrincipalError

ADA = Reader(frozenset({"user:ada", "group:eng", "public"}))


def test_a_member_of_allow_may_read() -> None:
    assert may_read(ADA, AccessRule.of(["user:ada"]))
    assert may_read(ADA, AccessRule.of(["group:eng"]))


def test_who_is_not_listed_may_not_read() -> None:
    assert not may_read(ADA, AccessRule.of(["user:bob", "group:hr"]))


def test_deny_wins_over_allow() -> None:
    assert not may_read(ADA, AccessRule.of(["user:ada", "public"], ["group:eng"]))


def test_public_in_allow_is_everybody() -> None:
    assert may_read(ADA, EVERYBODY)
    assert may_read(Reader(frozenset({"public"})), EVERYBODY)


def test_public_in_deny_is_nobody_even_for_a_set_that_is_no_closure() -> None:
    rule = AccessRule.of(["user:ada"], ["public"])
    assert not may_read(ADA, rule)
    assert not may_read(Reader(frozenset({"user:ada"})), rule)


def test_an_empty_allow_is_nobody() -> None:
    assert not may_read(ADA, NOBODY)


def test_an_unknown_rule_is_no_access() -> None:
    assert not may_read(ADA, None)


def test_no_principals_are_no_access_even_to_what_is_public() -> None:
    assert not may_read(Reader(frozenset()), EVERYBODY)


def test_a_group_that_somebody_may_be_in_lets_nobody_in_and_keeps_them_out() -> None:
    unsure = Reader(frozenset({"user:ada", "public"}), suspected=frozenset({"group:eng"}))
    assert not may_read(unsure, AccessRule.of(["group:eng"]))
    assert not may_read(unsure, AccessRule.of(["user:ada"], ["group:eng"]))
    assert may_read(unsure, AccessRule.of(["user:ada"], ["group:hr"]))


def test_a_tenant_is_a_wall_that_no_rule_opens() -> None:
    acme = Reader(frozenset({"user:ada", "tenant:acme", "public"}))
    other = Reader(frozenset({"user:ada", "tenant:other", "public"}))
    walled = AccessRule.of(["public", "user:ada"], tenant="acme")
    assert may_read(acme, walled)
    assert not may_read(other, walled)
    assert not may_read(ADA, walled)
    assert not may_read(acme, AccessRule.of(["user:bob"], tenant="acme"))
    assert not may_read(acme, AccessRule.of(["public"], ["user:ada"], tenant="acme"))


def test_what_has_no_tenant_is_open_to_those_who_have_one() -> None:
    assert may_read(Reader(frozenset({"user:ada", "tenant:acme", "public"})), EVERYBODY)


def test_who_is_in_two_tenants_is_in_none() -> None:
    both = Reader(frozenset({"user:ada", "tenant:acme", "tenant:other", "public"}))
    assert both.tenant is None
    assert not may_read(both, AccessRule.of(["user:ada"], tenant="acme"))
    assert not may_read(both, AccessRule.of(["user:ada"], tenant="other"))
    assert may_read(both, AccessRule.of(["user:ada"]))


def test_a_tenant_changes_the_digest_of_a_rule_and_none_leaves_it() -> None:
    assert AccessRule.of(["user:a"]).digest == (
        # printf '[["user:a"],[]]' | sha256sum
        "6f623a5702ebd16e1903f47e3f6f1ac17544a60abcdc2f087894f39cd55f8817"
    )
    assert AccessRule.of(["user:a"], tenant="acme").digest != AccessRule.of(["user:a"]).digest
    assert AccessRule.of(["user:a"], tenant="acme").digest != AccessRule.of(["user:a"], tenant="b").digest


def test_the_digest_is_of_the_letters_themselves() -> None:
    # printf '[["user:José"],[]]' | sha256sum
    assert AccessRule.of(["user:José"]).digest == (
        "f99c1548ad5b5f3f95e8bba46286f1d64ab6d578a87ede436be0be1a216c8162"
    )


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (EVERYBODY, "allow"),
        (ADA, "principals"),
        (ADA, "tenant"),
        (Memberships(), "stale"),
        (AccessView(1, {}, Memberships()), "rules"),
        (explain("user:ada", None, Memberships()), "allowed"),
    ],
)
def test_what_was_decided_by_cannot_be_changed_afterwards(one: object, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(one, name, frozenset())


def test_rules_readers_and_explanations_have_room_for_nothing_else() -> None:
    for each in (EVERYBODY, ADA, explain("user:ada", None, Memberships())):
        assert not hasattr(each, "__dict__")


def test_equal_rules_have_equal_digests_and_moving_a_principal_to_deny_changes_it() -> None:
    assert AccessRule.of(["user:a", "user:b"]).digest == AccessRule.of(["user:b", "user:a", "user:a"]).digest
    assert AccessRule.of(["user:a"], ["user:b"]).digest != AccessRule.of(["user:a", "user:b"]).digest
    assert AccessRule.of(["user:a"]).digest != AccessRule.of([], ["user:a"]).digest


def test_a_rule_is_parsed_from_its_two_lists() -> None:
    rule = parse_rule({"allow": ["group:eng", "public"], "deny": ["user:bob"]}, where="f:1")
    assert rule == AccessRule(frozenset({"group:eng", "public"}), frozenset({"user:bob"}))


@pytest.mark.parametrize("value", [{}, {"allow": []}, {"allow": None}, {"deny": []}])
def test_a_rule_without_allow_allows_nobody(value: object) -> None:
    assert parse_rule(value, where="f:1") == NOBODY


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "has the keys allow and deny"),
        ([], "has the keys allow and deny"),
        ("public", "has the keys allow and deny"),
        ({"allow": ["public"], "alow": []}, "has the keys allow and deny"),
        ({"allow": "public"}, "allow is not a list"),
        ({"deny": {"user:a": 1}}, "deny is not a list"),
        ({"allow": [["public"]]}, "a principal is needed"),
        ({"allow": ["everyone"]}, "'everyone' is not a principal"),
        ({"allow": ["public"], "deny": [None]}, "a principal is needed"),
    ],
)
def test_anything_else_is_an_error_that_says_where(value: object, what: str) -> None:
    with pytest.raises(PrincipalError, match=what) as caught:
        parse_rule(value, where="docs.jsonl:7")
    assert caught.value.where == "docs.jsonl:7"
