"""What a listing says of access, by itself and beside an ingest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rag.access import EVERYBODY, NOBODY, AccessRule
from rag.catalog.access import rule_at
from rag.errors import AccessLostError
from rag.ingestion import AppliedRules, Breaker, Defaults, apply_rules
from rag.ingestion.rules import loses, narrows
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.source import MemorySource


@pytest.fixture
def source() -> MemorySource:
    source = MemorySource()
    for id in "abcde":
        source.put(id, f"{id} text", ADA)
    return source


@pytest.fixture
def harness(tmp_path: Path, source: MemorySource) -> Iterator[Harness]:
    with Harness(tmp_path) as harness:
        harness.ingest(source)
        harness.promote()
        yield harness


def sync(
    harness: Harness,
    source: MemorySource,
    *,
    default: AccessRule | None = EVERYBODY,
    tenant: str | None = None,
    breaker: Breaker | None = None,
) -> AppliedRules:
    with harness.catalog.write() as session:
        return apply_rules(
            session,
            "s",
            source.list(),
            defaults=Defaults(default, tenant),
            breaker=breaker or Breaker(),
        )


def test_changed_rules_take_effect_without_anything_being_read_or_built(
    harness: Harness, source: MemorySource
) -> None:
    reader, fetched = harness.retriever(), len(source.fetched)
    source.allow("a", BOB)
    source.allow("b", ADA, BOB)
    applied = sync(harness, source)
    assert (applied.changed, applied.narrowed_at, applied.held) == (2, [None], None)
    found = [hit.document for hit in reader.search("text", principal=BOB)]
    assert sorted(found) == ["s/a", "s/b"]
    assert len(source.fetched) == fetched
    assert harness.versions() == {1: "promoted"}
    assert sync(harness, source) == AppliedRules()


def test_what_is_new_or_gone_waits_for_the_next_ingest(harness: Harness, source: MemorySource) -> None:
    source.put("f", "f text", BOB)
    source.remove("a")
    assert sync(harness, source) == AppliedRules()
    assert "s/f" not in harness.documents()
    assert harness.documents()["s/a"] == ("active", None)


def test_an_ingest_that_listed_before_does_not_undo_what_was_revoked_since(
    harness: Harness, source: MemorySource
) -> None:
    for id in "abcde":
        source.put(id, f"{id} text anew", ADA)

    def revoke(step: str) -> None:
        if step == "plan":
            for id in "abcde":
                source.allow(id, BOB)
            sync(harness, source)

    harness.ingest(source, after=revoke)
    harness.promote()
    assert harness.readable(ADA) == []
    assert len(harness.readable(BOB)) == 5


def test_a_purged_document_stays_out_whatever_is_listed(harness: Harness, source: MemorySource) -> None:
    from rag.maintenance import purge

    purge(harness.catalog, "s/a", by="a test")
    source.allow("a", "public")
    assert sync(harness, source) == AppliedRules()
    assert "a text" not in harness.readable(EVE)


def test_a_document_with_a_problem_is_nobodys(harness: Harness, source: MemorySource) -> None:
    source.pages["a"].problem = "its access file cannot be read"
    assert sync(harness, source).changed == 1
    assert "a text" not in harness.readable(ADA)


@pytest.mark.parametrize(("lost", "held"), [("a", False), ("ab", True), ("abcde", True)])
def test_so_many_documents_do_not_fall_open_at_once(
    harness: Harness, source: MemorySource, lost: str, held: bool
) -> None:
    for id in lost:
        source.allow(id)
    applied = sync(harness, source)
    assert isinstance(applied.held, AccessLostError) == held
    assert applied.changed == (0 if held else len(lost))
    assert len(harness.readable(EVE)) == (0 if held else len(lost))


def test_other_rules_of_a_listing_that_is_held_take_effect(harness: Harness, source: MemorySource) -> None:
    for id in "abc":
        source.allow(id)
    source.allow("d", BOB)
    applied = sync(harness, source)
    assert isinstance(applied.held, AccessLostError)
    assert "lockgate ingest --source s --accept-unruled 3" in str(applied.held)
    assert (applied.changed, harness.readable(BOB), harness.readable(EVE)) == (1, ["d text"], [])


def test_a_person_lets_no_more_fall_open_than_they_have_seen(harness: Harness, source: MemorySource) -> None:
    for id in "abc":
        source.allow(id)
    assert sync(harness, source, breaker=Breaker(accepted_unruled=2)).held is not None
    assert sync(harness, source, breaker=Breaker(accepted_unruled=3, by="ops")).held is None
    assert len(harness.readable(EVE)) == 3


def test_falling_to_a_default_that_denies_needs_nobodys_word(harness: Harness, source: MemorySource) -> None:
    for id in "abcde":
        source.allow(id)
    applied = sync(harness, source, default=None)
    assert (applied.changed, len(applied.narrowed_at), applied.held) == (5, 5, None)
    assert harness.readable(ADA) == []


def test_falling_to_a_default_that_lets_in_nobody_else_needs_nobodys_word(
    harness: Harness, source: MemorySource
) -> None:
    for id in "abcde":
        source.allow(id, ADA, BOB)
    sync(harness, source)
    for id in "abcde":
        source.allow(id)
    applied = sync(harness, source, default=AccessRule.of([BOB]))
    assert (applied.changed, applied.held) == (5, None)
    assert (harness.readable(ADA), len(harness.readable(BOB))) == ([], 5)


def test_an_ingest_is_held_as_well_and_reads_nothing(harness: Harness, source: MemorySource) -> None:
    for id in "abcde":
        source.put(id, f"{id} text anew")
    fetched = len(source.fetched)
    with pytest.raises(AccessLostError):
        harness.ingest(source)
    assert len(source.fetched) == fetched
    assert len(harness.readable(ADA)) == 5


def test_the_tenant_of_a_source_is_in_the_rules_of_all_its_documents(
    harness: Harness, source: MemorySource
) -> None:
    source.put("b", "b text", "public")
    assert sync(harness, source, tenant="acme").changed == 5
    assert harness.readable(ADA) == []
    harness.set_groups({"tenant:acme": {ADA}})
    assert len(harness.readable(ADA)) == 5


def test_the_catalog_knows_which_rule_held_when(harness: Harness, source: MemorySource) -> None:
    between = datetime.now(UTC)
    source.allow("a", BOB)
    sync(harness, source)
    with harness.catalog.read() as session:
        first, now = harness.row("s/b", session), harness.row("s/a", session)
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        assert now.id is not None
        connection = session.connection()
        assert rule_at(connection, now.id, long_ago) is None
        assert rule_at(connection, now.id, between) == first.rule_id
        assert rule_at(connection, now.id, datetime.now(UTC)) == now.rule_id != first.rule_id


@pytest.mark.parametrize(
    ("old", "new", "by"),
    [
        (AccessRule.of([ADA, BOB]), AccessRule.of([ADA, EVE]), {BOB}),
        (AccessRule.of([ADA, BOB]), None, {ADA, BOB}),
        (AccessRule.of(["public"]), AccessRule.of(["public"], [EVE]), {EVE}),
        (AccessRule.of([ADA, BOB]), AccessRule.of(["public"], [BOB]), {BOB}),
        (AccessRule.of([ADA], tenant="acme"), AccessRule.of([ADA], tenant="b"), {ADA}),
        (None, EVERYBODY, set()),
    ],
)
def test_it_is_known_by_which_principals_they_may_lose_it(
    old: AccessRule | None, new: AccessRule | None, by: set[str]
) -> None:
    assert loses(old, new) == frozenset(by)


@pytest.mark.parametrize(
    ("old", "new", "somebody_may_lose_it"),
    [
        (None, EVERYBODY, False),
        (EVERYBODY, None, True),
        (AccessRule.of([ADA]), AccessRule.of([ADA, BOB]), False),
        (AccessRule.of([ADA, BOB]), AccessRule.of([ADA]), True),
        (AccessRule.of([ADA]), EVERYBODY, False),
        (EVERYBODY, AccessRule.of([ADA]), True),
        (AccessRule.of([ADA], [BOB]), AccessRule.of([ADA]), False),
        (AccessRule.of([ADA]), AccessRule.of([ADA], [BOB]), True),
        (AccessRule.of([ADA]), AccessRule.of([ADA], tenant="acme"), True),
        (AccessRule.of([ADA], tenant="acme"), AccessRule.of([ADA]), False),
        (AccessRule.of([ADA], tenant="acme"), AccessRule.of([ADA], tenant="b"), True),
        (NOBODY, NOBODY, False),
        (NOBODY, None, False),
        (AccessRule.of([ADA], ["public"]), None, False),
        (AccessRule.of([ADA]), AccessRule.of([ADA, "public"], ["public"]), True),
    ],
)
def test_a_rule_narrows_where_somebody_may_lose_the_document(
    old: AccessRule | None, new: AccessRule | None, somebody_may_lose_it: bool
) -> None:
    assert narrows(old, new) == somebody_may_lose_it
