"""What the catalog knows of access at one moment, as a reader meets it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rag.access import EVERYBODY, FOR_EVER, NOBODY, AccessRule, AccessView, Memberships, Subject
from rag.access import view as view_module

RULES = {
    1: EVERYBODY,
    2: AccessRule.of(["group:eng"]),
    3: NOBODY,
    7: AccessRule.of(["user:ada"], ["group:hr"]),
}
MEMBERS = Memberships({"user:ada": {"group:eng"}, "user:bob": {"group:hr"}})
VIEW = AccessView(4, RULES, MEMBERS)


def test_a_reader_sees_the_rules_that_allow_it_and_no_others() -> None:
    assert VIEW.visible(Subject("user:ada")) == {1, 2, 7}
    assert VIEW.visible(Subject("user:bob")) == {1}
    assert VIEW.visible(Subject("public")) == {1}


@pytest.mark.parametrize(
    ("rule", "may"), [(1, True), (2, True), (3, False), (7, True), (99, False), (None, False)]
)
def test_a_rule_that_is_not_known_or_not_there_lets_nobody_in(rule: int | None, may: bool) -> None:
    assert VIEW.may_read(Subject("user:ada"), rule) is may


def test_a_view_without_an_end_lasts_for_ever() -> None:
    assert VIEW.expires_at == FOR_EVER == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_views_of_one_epoch_are_equal_whoever_has_asked() -> None:
    asked, fresh = AccessView(4, RULES, MEMBERS), AccessView(4, RULES, MEMBERS)
    asked.visible(Subject("user:ada"))
    assert asked == fresh
    assert repr(asked) == repr(fresh)
    assert asked != AccessView(5, RULES, MEMBERS)


class Counting(dict[int, AccessRule]):
    """Counts how often it is gone through."""

    times = 0

    def items(self):  # type: ignore[no-untyped-def]  # as a dictionary's
        self.times += 1
        return super().items()


def test_what_a_reader_sees_is_worked_out_once() -> None:
    rules = Counting(RULES)
    view = AccessView(4, rules, MEMBERS)
    for _ in range(3):
        assert view.visible(Subject("user:ada")) == {1, 2, 7}
        assert view.visible(Subject("user:bob")) == {1}
    assert rules.times == 2


def test_no_more_readers_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "_READERS_KEPT", 2)
    rules = Counting(RULES)
    view = AccessView(4, rules, MEMBERS)
    for who in ("user:ada", "user:bob", "user:ada", "user:bob"):
        view.visible(Subject(who))
    assert rules.times == 2
    assert view.visible(Subject("user:eve")) == {1}  # the third: the other two are forgotten
    assert view.visible(Subject("user:eve")) == {1}
    assert rules.times == 3
    assert view.visible(Subject("user:ada")) == {1, 2, 7}
    assert rules.times == 4
    assert view.visible(Subject("user:eve")) == {1}
    assert rules.times == 4
