"""Nested groups: who acts as what, and by which chain."""

from __future__ import annotations

import pytest

from rag.access import AccessRule, Memberships, Reader, explain
from rag.errors import PrincipalError

NESTED = {"user:ada": {"group:eng"}, "group:eng": {"group:staff"}}


def closure(member: str, groups_of: dict[str, set[str]]) -> frozenset[str]:
    return Memberships(groups_of).reader(member).principals


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
    explanation = explain("group:0", AccessRule.of(["group:10000"]), Memberships(deep))
    assert explanation.allowed
    assert explanation.because[0].endswith("group:9999 is in group:10000)")


@pytest.mark.parametrize("nobody", ["", "ada", "user:"])
def test_only_a_principal_has_a_closure(nobody: str) -> None:
    with pytest.raises(PrincipalError):
        closure(nobody, {})


def test_the_explanation_gives_the_chain_of_groups() -> None:
    explanation = explain("user:ada", AccessRule.of(["group:staff"]), Memberships(NESTED))
    assert explanation.allowed
    assert explanation.because == (
        "allow lists group:staff (user:ada is in group:eng, group:eng is in group:staff)",
    )


def test_the_explanation_takes_the_shortest_chain() -> None:
    groups = {"user:ada": {"group:a", "group:z"}, "group:a": {"group:b"}, "group:b": {"group:z"}}
    because = explain("user:ada", AccessRule.of(["group:z"]), Memberships(groups)).because
    assert because == ("allow lists group:z (user:ada is in group:z)",)


def test_the_explanation_names_deny_before_the_allow_it_overrules() -> None:
    explanation = explain(
        "user:ada", AccessRule.of(["user:ada", "public"], ["group:eng"]), Memberships(NESTED)
    )
    assert not explanation.allowed
    assert explanation.because == (
        "deny lists group:eng (user:ada is in group:eng)",
        "allow lists public (every principal is public)",
        "allow lists user:ada",
    )


def test_the_explanation_comes_back_from_a_cycle_through_the_reader() -> None:
    cycle = {"group:a": {"group:b"}, "group:b": {"group:a", "group:c"}, "group:c": {"group:b"}}
    because = explain("group:a", AccessRule.of(["group:c"]), Memberships(cycle)).because
    assert because == ("allow lists group:c (group:a is in group:b, group:b is in group:c)",)


def test_names_are_told_apart_by_their_letters() -> None:
    def copied(name: str) -> str:
        return "".join(list(name))

    rule = AccessRule(frozenset({copied("user:ada")}), frozenset({copied("public")}))
    assert explain("user:ada", rule, Memberships({})).because == (
        "deny lists public (every principal is public)",
        "allow lists user:ada",
    )


def test_the_explanation_follows_a_chain_through_a_cycle() -> None:
    cycle = {"user:ada": {"group:a"}, "group:a": {"group:b"}, "group:b": {"group:a", "group:c"}}
    because = explain("user:ada", AccessRule.of(["group:c"]), Memberships(cycle)).because
    assert because == (
        "allow lists group:c (user:ada is in group:a, group:a is in group:b, group:b is in group:c)",
    )


def test_the_explanation_says_that_nothing_lists_the_reader() -> None:
    explanation = explain("user:eve", AccessRule.of(["user:ada"]), Memberships({}))
    assert not explanation.allowed
    assert explanation.because == ("neither user:eve nor any of its groups is listed in allow",)


def test_the_explanation_says_that_no_rule_is_known() -> None:
    explanation = explain("user:ada", None, Memberships(NESTED))
    assert not explanation.allowed
    assert explanation.because == ("no access rule is known for this document; unknown access is no access",)


def test_groups_that_were_vouched_for_elsewhere_nest_as_well() -> None:
    reader = Memberships(NESTED).reader("user:eve", also=["group:eng", "tenant:acme"])
    assert reader.principals == {"user:eve", "group:eng", "group:staff", "tenant:acme", "public"}
    assert reader.tenant == "acme"


@pytest.mark.parametrize("also", ["user:ada", "public", "eng", "group:", "tenant:", "tenant:a b", ""])
def test_nobody_is_vouched_for_as_somebody_else(also: str) -> None:
    with pytest.raises(PrincipalError):
        Memberships({}).reader("user:eve", also=[also])


def test_a_tenant_cannot_ask() -> None:
    with pytest.raises(PrincipalError, match="is not a principal"):
        Memberships({}).reader("tenant:acme")


def test_somebody_may_be_in_a_stale_group_and_in_all_that_hold_it() -> None:
    memberships = Memberships(NESTED, stale=frozenset({"group:eng"}))
    assert memberships.suspected == {"group:eng", "group:staff"}
    assert memberships.reader("user:eve") == Reader(
        frozenset({"user:eve", "public"}), frozenset({"group:eng", "group:staff"})
    )


def test_a_stale_tenant_lets_nobody_in_and_is_denied_to_nobody() -> None:
    memberships = Memberships({"group:eng": {"tenant:acme"}}, stale=frozenset({"tenant:acme", "group:eng"}))
    assert memberships.suspected == {"group:eng"}
    assert memberships.reader("user:eve").tenant is None


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("user:ada", "it is for the tenant acme alone (user:ada is in group:a, group:a is in tenant:acme)"),
        ("user:bob", "it is for the tenant acme alone, and user:bob is in another (b)"),
        ("user:dan", "it is for the tenant acme alone, and user:dan is in another (aaa)"),
        (
            "user:cat",
            "it is for the tenant acme alone, and user:cat is in several (acme, b), which counts as none",
        ),
        ("user:eve", "it is for the tenant acme alone, and user:eve is in no tenant"),
    ],
)
def test_the_explanation_speaks_of_the_tenant_first(member: str, said: str) -> None:
    memberships = Memberships(
        {
            "user:ada": {"group:a"},
            "group:a": {"tenant:acme"},
            "user:bob": {"tenant:b"},
            "user:dan": {"tenant:aaa"},
            "user:cat": {"group:a", "tenant:b"},
        }
    )
    found = explain(member, AccessRule.of(["public"], tenant="acme"), memberships)
    assert found.because == (said, "allow lists public (every principal is public)")
    assert found.allowed == (member == "user:ada")


def test_the_explanation_says_of_which_group_nobody_knows_the_members() -> None:
    memberships = Memberships({}, stale=frozenset({"group:eng"}))
    denied = explain("user:ada", AccessRule.of(["user:ada"], ["group:eng"]), memberships)
    assert not denied.allowed
    assert denied.because == (
        "deny lists group:eng, and who is in it is not known: a directory has not been heard in time",
        "allow lists user:ada",
    )
    kept_out = explain("user:ada", AccessRule.of(["group:eng", "user:bob"]), memberships)
    assert not kept_out.allowed
    assert kept_out.because == (
        "neither user:ada nor any of its groups is listed in allow",
        "allow lists group:eng, and who is in it is not known: a directory has not been heard in time",
    )


def test_who_is_known_to_be_in_a_stale_group_is_said_to_be_in_it() -> None:
    memberships = Memberships({"user:ada": {"group:eng"}}, stale=frozenset({"group:eng"}))
    found = explain("user:ada", AccessRule.of(["group:eng"]), memberships)
    assert found.because == ("allow lists group:eng (user:ada is in group:eng)",)
    assert found.allowed


def test_what_is_denied_to_everybody_is_said_to_be() -> None:
    found = explain("user:ada", AccessRule.of(["user:ada"], ["public"]), Memberships({}))
    assert not found.allowed
    assert found.because == ("deny lists public (every principal is public)", "allow lists user:ada")
