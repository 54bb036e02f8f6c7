"""Nested groups: who acts as what, and by which chain."""

from __future__ import annotations

import pytest

from rag.access import AccessRule, closure, explain
from rag.errors import PrincipalError

NESTED = {"user:ada": {"group:eng"}, "group:eng": {"group:staff"}}


def test_a_member_acts_as_itself_its_groups_their_groups_and_public() -> None:
    assert closure("user:ada", NESTED) == {"user:ada", "group:eng", "group:staff", "public"}


def test_membership_goes_up_only() -> None:
    assert closure("group:staff", NESTED) == {"group:staff", "public"}


def test_somebody_unknown_is_still_public() -> None:
    assert closure("user:eve", NESTED) == {"user:eve", "public"}


def test_a_cycle_of_groups_ends() -> None:
    cycle = {"user:ada": {"group:a"}, "group:a": {"group:b"}, "group:b": {"group:a", "group:b"}}
    assert closure("user:ada", cycle) == {"user:ada", "group:a", "group:b", "public"}


def test_ten_thousand_levels_of_groups_are_followed_and_explained() -> None:
    deep = {f"group:{level}": {f"group:{level + 1}"} for level in range(10_000)}
    assert len(closure("group:0", deep)) == 10_002
    explanation = explain("group:0", AccessRule.of(["group:10000"]), deep)
    assert explanation.allowed
    assert explanation.because[0].endswith("group:9999 is in group:10000)")


@pytest.mark.parametrize("nobody", ["", "ada", "user:"])
def test_only_a_principal_has_a_closure(nobody: str) -> None:
    with pytest.raises(PrincipalError):
        closure(nobody, {})


def test_the_explanation_gives_the_chain_of_groups() -> None:
    explanation = explain("user:ada", AccessRule.of(["group:staff"]), NESTED)
    assert explanation.allowed
    assert explanation.because == (
        "allow lists group:staff (user:ada is in group:eng, group:eng is in group:staff)",
    )


def test_the_explanation_takes_the_shortest_chain() -> None:
    groups = {"user:ada": {"group:a", "group:z"}, "group:a": {"group:b"}, "group:b": {"group:z"}}
    because = explain("user:ada", AccessRule.of(["group:z"]), groups).because
    assert because == ("allow lists group:z (user:ada is in group:z)",)


def test_the_explanation_names_deny_before_the_allow_it_overrules() -> None:
    explanation = explain("user:ada", AccessRule.of(["user:ada", "public"], ["group:eng"]), NESTED)
    assert not explanation.allowed
    assert explanation.because == (
        "deny lists group:eng (user:ada is in group:eng)",
        "allow lists public (every principal is public)",
        "allow lists user:ada",
    )


def test_the_explanation_follows_a_chain_through_a_cycle() -> None:
    cycle = {"user:ada": {"group:a"}, "group:a": {"group:b"}, "group:b": {"group:a", "group:c"}}
    because = explain("user:ada", AccessRule.of(["group:c"]), cycle).because
    assert because == (
        "allow lists group:c (user:ada is in group:a, group:a is in group:b, group:b is in group:c)",
    )


def test_the_explanation_says_that_nothing_lists_the_reader() -> None:
    explanation = explain("user:eve", AccessRule.of(["user:ada"]), {})
    assert not explanation.allowed
    assert explanation.because == ("neither user:eve nor any of its groups is listed in allow",)


def test_the_explanation_says_that_no_rule_is_known() -> None:
    explanation = explain("user:ada", None, NESTED)
    assert not explanation.allowed
    assert "unknown access is no access" in explanation.because[0]
