"""The decision against an oracle that asks, for one principal at a time, whether the reader is in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.access import AccessRule, AccessView, Memberships, Subject, explain, may_read

GROUPS = [f"group:{letter}" for letter in "abcde"]
TENANTS = ["tenant:t", "tenant:u"]
NAMES = ["user:x", "user:y", *GROUPS]

memberships = st.builds(
    Memberships,
    st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from([*GROUPS, *TENANTS]))),
    st.frozensets(st.sampled_from(GROUPS), max_size=2),
)
listed = st.frozensets(st.sampled_from([*NAMES, "public"]), max_size=4)
rules = st.builds(AccessRule, listed, listed, st.sampled_from([None, None, "t", "u"]))
readers = st.sampled_from(NAMES)
quietly = settings(database=None, deadline=None)


def is_in(reader: str, target: str, known: Memberships, tries: int = 7) -> bool:
    """Whether a chain leads there; among five groups and two tenants none needs more than seven steps."""
    if target in (reader, "public"):
        return True
    return tries > 0 and any(
        is_in(held, target, known, tries - 1) for held in known.groups_of.get(reader, ())
    )


def may(reader: str, rule: AccessRule, known: Memberships) -> bool:
    allowed = any(is_in(reader, target, known) for target in rule.allow)
    denied = any(is_in(reader, target, known) for target in rule.deny)
    perhaps_denied = any(is_in(group, target, known) for group in known.stale for target in rule.deny)
    tenants = [tenant for tenant in TENANTS if is_in(reader, tenant, known)]
    walled = rule.tenant is not None and tenants != [f"tenant:{rule.tenant}"]
    return allowed and not denied and not perhaps_denied and not walled


@quietly
@given(readers, rules, memberships)
def test_the_decision_is_that_of_the_oracle(reader: str, rule: AccessRule, known: Memberships) -> None:
    assert may_read(known.reader(reader), rule) == may(reader, rule, known)


@quietly
@given(readers, st.lists(rules, max_size=5), memberships)
def test_the_view_shows_the_rules_that_the_oracle_allows(
    reader: str, all_rules: list[AccessRule], known: Memberships
) -> None:
    view = AccessView(1, dict(enumerate(all_rules)), known)
    assert view.visible(Subject(reader)) == {
        id for id, rule in enumerate(all_rules) if may(reader, rule, known)
    }
    assert all(
        view.may_read(Subject(reader), id) == may(reader, rule, known) for id, rule in view.rules.items()
    )


@quietly
@given(readers, rules, memberships)
def test_the_explanation_agrees_with_the_decision_and_names_links_that_exist(
    reader: str, rule: AccessRule, known: Memberships
) -> None:
    explanation = explain(reader, rule, known)
    assert explanation.allowed == may(reader, rule, known)
    assert explanation.because
    for step in explanation.because:
        if " is in " not in step or " (" not in step or "several" in step or "another" in step:
            continue
        for link in step.split(" (")[1].rstrip(")").split(", "):
            member, group = link.split(" is in ")
            assert group in known.groups_of[member]


@quietly
@given(readers, rules, memberships, st.sampled_from([*NAMES, "public"]))
def test_denying_one_more_never_opens_anything(
    reader: str, rule: AccessRule, known: Memberships, more: str
) -> None:
    stricter = AccessRule(rule.allow, rule.deny | {more}, rule.tenant)
    one = known.reader(reader)
    assert may_read(one, rule) or not may_read(one, stricter)


@quietly
@given(readers, rules, memberships, st.sampled_from(GROUPS))
def test_knowing_less_never_opens_anything(
    reader: str, rule: AccessRule, known: Memberships, lost: str
) -> None:
    """A directory falls silent: what it said of ``lost`` is gone, and that is known.

    But that somebody was in a second tenant, and so in none, may be forgotten with it.
    """
    rule = AccessRule(rule.allow, rule.deny)
    left = {member: set(groups) - {lost} for member, groups in known.groups_of.items()}
    less = Memberships(left, known.stale | {lost})
    assert may_read(known.reader(reader), rule) or not may_read(less.reader(reader), rule)
