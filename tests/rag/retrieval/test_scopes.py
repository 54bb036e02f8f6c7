"""What a reader may see of a version: worked out at every change of access, and only then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete

from rag.access import AccessView, Subject
from rag.catalog import access_epoch, load_access, replace_memberships, utcnow
from rag.catalog.tables import RevisionTerms
from rag.index import IndexQuery, SparseVector, Visibility
from rag.maintenance import purge
from rag.retrieval import scopes as scopes_module
from rag.retrieval.scopes import Scope, Scopes
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.source import MemorySource

QUERY = IndexQuery(Visibility(frozenset()), 5, sparse=SparseVector((7,), (1.0,)))


@pytest.fixture
def scopes(harness: Harness) -> Scopes:
    return Scopes(harness.catalog)


def epoch(harness: Harness) -> int:
    with harness.catalog.connect() as connection:
        return access_epoch(connection)


def seen(scopes: Scopes, harness: Harness, who: str, version: int = 1) -> Scope:
    """As of now."""
    return scopes.of(version, harness.bm25.fingerprint, epoch=epoch(harness), subject=Subject(who))


def rule_of(harness: Harness, key: str) -> int | None:
    with harness.catalog.read() as session:
        return harness.row(key, session).rule_id


def id_of(harness: Harness, key: str) -> int:
    with harness.catalog.read() as session:
        found = harness.row(key, session).id
    assert found is not None
    return found


def test_a_reader_sees_its_rules_where_nothing_has_moved(harness: Harness, scopes: Scopes) -> None:
    plan, menu = rule_of(harness, "s/plan"), rule_of(harness, "s/menu")
    assert seen(scopes, harness, ADA).visibility == Visibility(frozenset({plan, menu}))  # type: ignore[arg-type]
    assert seen(scopes, harness, BOB).visibility == Visibility(frozenset({menu}))  # type: ignore[arg-type]


def test_what_has_moved_is_granted_to_those_whom_its_present_rule_allows(
    harness: Harness, scopes: Scopes, source: MemorySource
) -> None:
    source.allow("plan", BOB)
    harness.ingest(source)
    plan = id_of(harness, "s/plan")
    for who, granted in ((ADA, frozenset[int]()), (BOB, frozenset({plan})), (EVE, frozenset[int]())):
        scope = seen(scopes, harness, who)
        assert scope.visibility.moved == {plan}
        assert scope.visibility.granted == granted


def test_what_is_purged_has_moved_to_nobody(harness: Harness, scopes: Scopes) -> None:
    purge(harness.catalog, "s/plan", by="a test")
    for who in (ADA, BOB):
        scope = seen(scopes, harness, who)
        assert id_of(harness, "s/plan") in scope.visibility.moved
        assert not scope.visibility.granted


def test_versions_have_scopes_of_their_own(harness: Harness, scopes: Scopes, source: MemorySource) -> None:
    source.put("plan", "another plan", BOB)
    harness.ingest(source)
    assert seen(scopes, harness, BOB, 1).visibility.granted == {id_of(harness, "s/plan")}
    assert seen(scopes, harness, BOB, 2).visibility.granted == frozenset()
    assert seen(scopes, harness, BOB, 1).visibility.granted == {id_of(harness, "s/plan")}


def test_while_nothing_changes_nothing_is_worked_out_again(harness: Harness, scopes: Scopes) -> None:
    first, other = seen(scopes, harness, ADA), seen(scopes, harness, BOB)
    assert seen(scopes, harness, ADA) is first
    assert seen(scopes, harness, BOB) is other
    assert first.view is other.view is scopes.view(epoch(harness))
    assert first.moved is other.moved
    assert scopes.view(0) is first.view


def test_a_change_of_groups_is_seen_with_the_next_look(harness: Harness, scopes: Scopes) -> None:
    before = seen(scopes, harness, BOB)
    harness.set_groups({"group:eng": {BOB}})
    after = seen(scopes, harness, BOB)
    assert after.view is not before.view
    assert after.visibility.rules == before.visibility.rules | {rule_of(harness, "s/keys")}
    assert scopes.view(before.view.epoch) is after.view


@pytest.mark.parametrize(
    ("later", "same"),
    [
        (timedelta(minutes=59, seconds=59), True),
        (timedelta(hours=1), False),
        (timedelta(hours=2), False),
    ],
)
def test_a_view_is_read_again_when_a_directory_has_grown_old(
    harness: Harness, scopes: Scopes, monkeypatch: pytest.MonkeyPatch, later: timedelta, same: bool
) -> None:
    now = utcnow()
    with harness.catalog.write() as session:
        replace_memberships(session, "d", {"group:eng": {BOB}}, observed_at=now, max_age=timedelta(hours=1))
    fresh = seen(scopes, harness, BOB)
    monkeypatch.setattr(scopes_module, "utcnow", lambda: now + later)
    assert (scopes.view(epoch(harness)) is fresh.view) is same
    assert (seen(scopes, harness, BOB) is fresh) is same


def test_what_was_read_first_does_not_come_after_what_was_read_later(
    harness: Harness, scopes: Scopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*arguments: Any) -> AccessView:
        found = load_access(*arguments)
        monkeypatch.setattr(scopes_module, "load_access", load_access)
        harness.set_groups({"group:eng": {BOB}})
        overtaker.append(scopes.view(epoch(harness)))
        return found

    overtaker: list[AccessView] = []
    monkeypatch.setattr(scopes_module, "load_access", overtaken)
    old = scopes.view(epoch(harness))
    assert old.epoch < overtaker[0].epoch
    assert scopes.view(old.epoch) is overtaker[0]


def test_a_rule_that_moves_is_seen_by_those_whose_rules_stay(
    harness: Harness, scopes: Scopes, source: MemorySource
) -> None:
    before = seen(scopes, harness, BOB)
    source.allow("menu", ADA)
    harness.ingest(source)
    after = seen(scopes, harness, BOB)
    assert after.moved is not before.moved
    assert after.visibility.moved == {id_of(harness, "s/menu")}


def test_no_more_scopes_are_kept_than_fit_and_the_oldest_go_first(
    harness: Harness, scopes: Scopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scopes_module, "_SCOPES_KEPT", 2)
    ada, bob = seen(scopes, harness, ADA), seen(scopes, harness, BOB)
    assert seen(scopes, harness, ADA) is ada
    assert seen(scopes, harness, BOB) is bob
    eve = seen(scopes, harness, EVE)
    assert seen(scopes, harness, EVE) is eve
    assert seen(scopes, harness, BOB) is bob
    assert seen(scopes, harness, ADA) is not ada
    assert seen(scopes, harness, EVE) is eve
    assert seen(scopes, harness, BOB) is not bob


def test_a_query_is_weighted_by_what_is_visible(harness: Harness, scopes: Scopes) -> None:
    ada, bob = (seen(scopes, harness, who).query(QUERY) for who in (ADA, BOB))
    assert ada.weighted
    assert bob.weighted
    assert ada.sparse != bob.sparse


def test_a_query_without_words_or_in_a_version_whose_terms_are_not_known_stays_as_it_is(
    harness: Harness, scopes: Scopes
) -> None:
    dense = IndexQuery(Visibility(frozenset()), 5, dense=np.ones(64, dtype=np.float32))
    assert seen(scopes, harness, ADA).query(dense) is dense
    with harness.catalog.write() as session:
        session.execute(delete(RevisionTerms))
    unknown = Scopes(harness.catalog)
    assert seen(unknown, harness, ADA).query(QUERY) is QUERY
