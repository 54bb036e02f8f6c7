"""Access rules: reading them, and the decision."""

from __future__ import annotations

import pytest

from rag.access import EVERYBODY, NOBODY, AccessRule, may_read, parse_rule
from rag.errors import PrincipalError

ADA = frozenset({"user:ada", "group:eng", "public"})


def test_a_member_of_allow_may_read() -> None:
    assert may_read(ADA, AccessRule.of(["user:ada"]))
    assert may_read(ADA, AccessRule.of(["group:eng"]))


def test_who_is_not_listed_may_not_read() -> None:
    assert not may_read(ADA, AccessRule.of(["user:bob", "group:hr"]))


def test_deny_wins_over_allow() -> None:
    assert not may_read(ADA, AccessRule.of(["user:ada", "public"], ["group:eng"]))


def test_public_in_allow_is_everybody() -> None:
    assert may_read(ADA, EVERYBODY)
    assert may_read(frozenset({"public"}), EVERYBODY)


def test_public_in_deny_is_nobody_even_for_a_set_that_is_no_closure() -> None:
    rule = AccessRule.of(["user:ada"], ["public"])
    assert not may_read(ADA, rule)
    assert not may_read(frozenset({"user:ada"}), rule)


def test_an_empty_allow_is_nobody() -> None:
    assert not may_read(ADA, NOBODY)


def test_an_unknown_rule_is_no_access() -> None:
    assert not may_read(ADA, None)


def test_no_principals_are_no_access_even_to_what_is_public() -> None:
    assert not may_read(frozenset(), EVERYBODY)


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
