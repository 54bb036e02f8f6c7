"""The decision against an oracle that asks, for one principal at a time, whether the reader is in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.access import AccessRule, closure, explain, may_read

GROUPS = [f"group:{letter}" for letter in "abcde"]
NAMES = ["user:x", "user:y", *GROUPS]

memberships = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(GROUPS)))
listed = st.frozensets(st.sampled_from([*NAMES, "public"]), max_size=4)
rules = st.builds(AccessRule, listed, listed)
readers = st.sampled_from(NAMES)


def is_in(reader: str, target: str, groups: dict[str, set[str]], tries: int) -> bool:
    if target in (reader, "public"):
        return True
    return tries > 0 and any(is_in(group, target, groups, tries - 1) for group in groups.get(reader, ()))


@settings(database=None, deadline=None)
@given(readers, rules, memberships)
def test_the_decision_is_that_of_the_oracle(
    reader: str, rule: AccessRule, groups: dict[str, set[str]]
) -> None:
    # With five groups no chain needs more than five steps.
    allowed = any(is_in(reader, target, groups, 5) for target in rule.allow)
    denied = any(is_in(reader, target, groups, 5) for target in rule.deny)
    assert may_read(closure(reader, groups), rule) == (allowed and not denied)


@settings(database=None, deadline=None)
@given(readers, rules, memberships)
def test_the_explanation_agrees_with_the_decision_and_names_links_that_exist(
    reader: str, rule: AccessRule, groups: dict[str, set[str]]
) -> None:
    explanation = explain(reader, rule, groups)
    assert explanation.allowed == may_read(closure(reader, groups), rule)
    for step in explanation.because:
        if " (" not in step or "every principal" in step:
            continue
        for link in step.split(" (")[1].rstrip(")").split(", "):
            member, group = link.split(" is in ")
            assert group in groups[member]


@settings(database=None, deadline=None)
@given(readers, rules, memberships, st.sampled_from([*NAMES, "public"]))
def test_denying_one_more_never_opens_anything(
    reader: str, rule: AccessRule, groups: dict[str, set[str]], more: str
) -> None:
    stricter = AccessRule(rule.allow, rule.deny | {more})
    principals = closure(reader, groups)
    assert may_read(principals, rule) or not may_read(principals, stricter)
