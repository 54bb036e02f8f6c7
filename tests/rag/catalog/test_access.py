"""Rules and memberships, and the epoch that tells readers of their changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from rag.access import EVERYBODY, AccessRule, Memberships, Subject
from rag.catalog import Catalog, access_epoch, load_access, replace_memberships, rule_id
from rag.catalog.tables import AccessRuleRow, Membership
from tests.rag.catalog.opening import opened

pytestmark = pytest.mark.usefixtures("either_catalog")

STAFF = AccessRule.of(["group:staff"], ["user:eve"])


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with opened(tmp_path) as catalog:
        yield catalog


def epoch(catalog: Catalog) -> int:
    with catalog.connect() as connection:
        return access_epoch(connection)


def store(catalog: Catalog, rule: AccessRule) -> int:
    with catalog.write() as session:
        return rule_id(session, rule)


def replace(catalog: Catalog, origin: str, members_of: dict[str, set[str]]) -> bool:
    with catalog.write() as session:
        return replace_memberships(session, origin, members_of)


def memberships(catalog: Catalog) -> set[tuple[str, str, str]]:
    with catalog.read() as session:
        return {(row.member, row.group, row.origin) for row in session.scalars(select(Membership))}


def test_before_any_change_the_epoch_is_0_and_nothing_is_known(catalog: Catalog) -> None:
    with catalog.connect() as connection:
        view = load_access(connection)
    assert (view.epoch, view.rules, view.memberships) == (0, {}, Memberships())
    assert view.visible(Subject("user:ada")) == frozenset()


def test_a_rule_is_stored_once_and_raises_the_epoch_once(catalog: Catalog) -> None:
    first = store(catalog, STAFF)
    assert epoch(catalog) == 1
    again = store(catalog, AccessRule.of(["group:staff", "group:staff"], ["user:eve"]))
    assert again == first
    assert epoch(catalog) == 1
    with catalog.read() as session:
        assert session.scalar(select(func.count()).select_from(AccessRuleRow)) == 1


def test_another_rule_is_another_row_and_another_epoch(catalog: Catalog) -> None:
    assert store(catalog, STAFF) != store(catalog, AccessRule.of(["group:staff"]))
    assert epoch(catalog) == 2


def test_allow_and_deny_are_not_mixed_up(catalog: Catalog) -> None:
    one, other = AccessRule.of(["user:a"], ["user:b"]), AccessRule.of(["user:b"], ["user:a"])
    ids = store(catalog, one), store(catalog, other)
    with catalog.connect() as connection:
        assert load_access(connection).rules == {ids[0]: one, ids[1]: other}


def test_a_rule_that_was_rolled_back_raises_nothing(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError, match="midway"), catalog.write() as session:  # noqa: PT012
        rule_id(session, STAFF)
        raise RuntimeError("midway")
    assert epoch(catalog) == 0


def test_memberships_become_exactly_what_is_given(catalog: Catalog) -> None:
    assert replace(catalog, "groups", {"group:eng": {"user:ada", "user:bob"}, "group:all": {"group:eng"}})
    assert memberships(catalog) == {
        ("user:ada", "group:eng", "groups"),
        ("user:bob", "group:eng", "groups"),
        ("group:eng", "group:all", "groups"),
    }
    assert replace(catalog, "groups", {"group:eng": {"user:bob", "user:cleo"}})
    assert memberships(catalog) == {
        ("user:bob", "group:eng", "groups"),
        ("user:cleo", "group:eng", "groups"),
    }
    assert replace(catalog, "groups", {})
    assert memberships(catalog) == set()
    assert epoch(catalog) == 3


def test_the_same_memberships_again_raise_nothing(catalog: Catalog) -> None:
    assert replace(catalog, "groups", {"group:eng": {"user:ada"}, "group:empty": set()})
    assert not replace(catalog, "groups", {"group:eng": {"user:ada"}})
    assert epoch(catalog) == 1


def test_no_memberships_where_there_were_none_raise_nothing(catalog: Catalog) -> None:
    assert not replace(catalog, "groups", {})
    assert epoch(catalog) == 0


def test_each_origin_answers_for_its_own_memberships(catalog: Catalog) -> None:
    replace(catalog, "groups", {"group:eng": {"user:ada"}})
    replace(catalog, "ldap", {"group:eng": {"user:ada", "user:bob"}})
    replace(catalog, "groups", {})
    assert memberships(catalog) == {("user:ada", "group:eng", "ldap"), ("user:bob", "group:eng", "ldap")}
    with catalog.connect() as connection:
        known = load_access(connection).memberships
    assert known.groups_of == {"user:ada": {"group:eng"}, "user:bob": {"group:eng"}}


def test_the_view_knows_nested_groups(catalog: Catalog) -> None:
    staff, public = store(catalog, STAFF), store(catalog, EVERYBODY)
    replace(catalog, "groups", {"group:staff": {"group:eng"}, "group:eng": {"user:ada", "user:eve"}})
    with catalog.connect() as connection:
        view = load_access(connection)
    assert view.visible(Subject("user:ada")) == {staff, public}
    assert view.visible(Subject("user:eve")) == {public}
    assert view.visible(Subject("user:stranger")) == {public}
    assert not view.may_read(Subject("user:ada"), None)
    assert not view.may_read(Subject("user:ada"), 999)
    assert view.epoch == 3
