"""What comes back from a backup, what is done again, and what is never done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rag.catalog import access_epoch
from rag.catalog.tables import Membership
from rag.errors import UnknownVersionError
from rag.maintenance import Retention, finish_erasures, purge, sweep, undo_purge
from rag.releases import LedgerFile, promoted
from rag.releases import ledger as ledgers
from tests.rag.maintenance.looking import assert_counts_agree, entries, pending, roll_back_to
from tests.rag.maintenance.saving import Before, bring_back, files_below, ledger_of, made, save
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource
from tests.support.stores import STORES

WITHOUT_INDEXES = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
ANY_STORE = pytest.mark.parametrize("kind", ["memory", "edge", pytest.param("server", marks=WITHOUT_INDEXES)])


@pytest.fixture
def before(tmp_path: Path, source: MemorySource) -> Before:
    return Before(tmp_path, source, lambda _root: MemoryStore())


def number_promoted(harness: Harness) -> int | None:
    with harness.catalog.read() as session:
        found = promoted(session)
    return found.version if found else None


@ANY_STORE
@pytest.mark.parametrize("with_ledger", [False, True])
def test_all_of_it_comes_back(tmp_path: Path, source: MemorySource, kind: str, with_ledger: bool) -> None:
    before = Before(tmp_path, source, STORES[kind])
    later = before.ledger() if with_ledger else None
    before.harness.close()
    facts = bring_back(before.backup, before.new_root, before.store, later)
    assert (facts.promoted, facts.versions, facts.replayed.entries) == (2, (1, 2), 0)
    assert facts.unknown_since == (None if with_ledger else facts.created_at)
    with before.opened() as harness:
        assert harness.portrait() == before.portrait
        assert number_promoted(harness) == 2
        assert harness.readable(ADA) == ["alpha text", "gamma text revised"]
        assert_counts_agree(harness)
        (entry,) = entries(harness, "restore")
        assert (entry.version, entry.details["by"], entry.details["ledger"]) == (2, "ops", with_ledger)
        roll_back_to(harness, 1)
        assert harness.readable(ADA) == ["alpha text", "gamma text"]
        source.put("d", "delta text", "public")
        counts = harness.ingest(source)
        assert (counts.added, counts.unchanged) == (1, 3)
        assert harness.embedder.embedded == ["d\ndelta text"]  # type: ignore[attr-defined]
        assert harness.latest == 3
    left = {path.name for path in before.new_root.iterdir()}
    assert left <= {"catalog.sqlite", "vectors.sqlite", "index"}


def test_a_project_with_nothing_in_it_comes_back(tmp_path: Path, source: MemorySource) -> None:
    with Harness(made(tmp_path / "old")) as harness:
        save(harness, tmp_path / "saved")
        harness.ingest(source)
        harness.promote()
        later = ledger_of(harness, tmp_path / "ledger.jsonl")
    store = MemoryStore()
    facts = bring_back(tmp_path / "saved", made(tmp_path / "new"), store, later)
    assert (facts.promoted, facts.replayed.entries) == (None, 1)
    with Harness(tmp_path / "new", store=store) as harness:
        assert number_promoted(harness) is None
        harness.ingest(source)
        assert harness.latest == 2  # 1 was given already
        harness.promote()
        assert entries(harness, "promote")[-1].version == 2


def test_a_backup_is_only_read(before: Before) -> None:
    def facts() -> dict[str, tuple[int, bytes]]:
        return {
            name: ((before.backup / name).stat().st_mtime_ns, (before.backup / name).read_bytes())
            for name in files_below(before.backup)
        }

    first = facts()
    before.restored().close()
    assert facts() == first


def test_it_may_be_restored_once_more_and_from_a_backup_of_what_was_restored(before: Before) -> None:
    with before.restored() as harness:
        save(harness, before.root / "again")
        portrait = harness.portrait()
    store = MemoryStore()
    bring_back(before.root / "again", made(before.root / "third"), store)
    with Harness(before.root / "third", store=store) as harness:
        assert harness.portrait() == portrait
        assert len(entries(harness, "restore")) == 2


def test_what_was_purged_and_not_yet_erased_is_erased_by_the_restore(
    tmp_path: Path, source: MemorySource
) -> None:
    before = Before(tmp_path, source, STORES["memory"])
    purge(before.harness.catalog, "s/a", by="ops")
    save(before.harness, tmp_path / "pending")
    assert before.harness.store.open(2).points == 3
    bring_back(tmp_path / "pending", before.new_root, before.store)
    with before.opened() as harness:
        assert pending(harness) == 0
        assert_counts_agree(harness)
        assert harness.readable(ADA, 2) == ["gamma text revised"]


@ANY_STORE
def test_what_was_revoked_stays_revoked(tmp_path: Path, source: MemorySource, kind: str) -> None:
    before = Before(tmp_path, source, STORES[kind])
    source.allow("c", BOB)
    before.harness.ingest(source)
    with before.restored(before.ledger()) as harness:
        for version in (1, 2):
            assert harness.readable(ADA, version) == ["alpha text"]
        assert harness.readable(BOB, 1) == ["beta text", "gamma text"]


def test_what_was_granted_stays_granted(before: Before, source: MemorySource) -> None:
    source.allow("b", EVE)
    before.harness.ingest(source)
    with before.restored(before.ledger()) as harness:
        assert harness.readable(EVE) == ["beta text", "gamma text revised"]
        assert harness.readable(BOB) == ["gamma text revised"]


def test_only_the_last_of_several_rules_counts(before: Before, source: MemorySource) -> None:
    for reader in (EVE, BOB, ADA):
        source.allow("b", reader)
        before.harness.ingest(source)
    facts = bring_back(before.backup, before.new_root, before.store, before.ledger())
    assert (facts.replayed.access_changed, facts.replayed.entries) == (1, 3)
    with before.opened() as harness:
        assert harness.readable(ADA) == ["alpha text", "beta text", "gamma text revised"]
        assert harness.readable(EVE) == ["gamma text revised"]


def test_a_rule_that_is_in_no_file_leaves_a_document_to_nobody(before: Before, source: MemorySource) -> None:
    source.allow("c", EVE)
    before.harness.ingest(source)
    later = before.ledger()
    forgotten = LedgerFile(
        project=later.project,
        exported_at=later.exported_at,
        last_version=later.last_version,
        access_epoch=later.access_epoch,
        entries=later.entries,
        rules={},
        memberships=later.memberships,
        directories=later.directories,
    )
    with before.restored(forgotten) as harness:
        assert harness.readable(EVE) == []
        assert harness.readable(BOB) == ["beta text"]


def test_what_its_source_deleted_and_a_promotion_withdrew_stays_withdrawn(
    before: Before, source: MemorySource
) -> None:
    source.remove("c")
    before.next()
    with before.restored(before.ledger()) as harness:
        for version in (1, 2):
            assert harness.readable(ADA, version) == ["alpha text"]
        source.put("c", "gamma text back", "public")
        harness.ingest(source)
        harness.promote()
        assert harness.readable(ADA) == ["alpha text", "gamma text back"]


def test_memberships_are_those_of_the_ledger(before: Before, source: MemorySource) -> None:
    source.allow("a", "group:board")
    before.harness.ingest(source)
    before.harness.set_groups({"group:board": {EVE}})
    with before.restored(before.ledger()) as harness:
        assert harness.readable(EVE) == ["alpha text", "gamma text revised"]
        assert harness.readable(BOB) == ["beta text", "gamma text revised"]


def test_the_groups_file_of_now_stands_above_the_ledger(before: Before, source: MemorySource) -> None:
    source.allow("a", "group:board")
    before.harness.ingest(source)
    bring_back(
        before.backup, before.new_root, before.store, before.ledger(), members_of={"group:board": {ADA}}
    )
    with before.opened() as harness:
        with harness.catalog.read() as session:
            rows = session.scalars(select(Membership)).all()
            assert [(row.member, row.group) for row in rows] == [(ADA, "group:board")]
        assert harness.readable(BOB) == ["beta text", "gamma text revised"]


@ANY_STORE
@pytest.mark.parametrize("erased", [False, True])
def test_what_was_purged_stays_purged(tmp_path: Path, source: MemorySource, kind: str, erased: bool) -> None:
    before = Before(tmp_path, source, STORES[kind])
    purge(before.harness.catalog, "s/a", by="ops")
    if erased:
        finish_erasures(before.harness.catalog, before.harness.store, before.harness.cache)
    facts = bring_back(before.backup, before.new_root, before.store, before.ledger())
    assert (facts.replayed.purged, facts.replayed.unpurged) == (1, 0)
    with before.opened() as harness:
        assert harness.documents()["s/a"][0] == "purged"
        assert pending(harness) == 0
        assert_counts_agree(harness)
        for version in (1, 2):
            assert harness.store.open(version).points == 2
        harness.ingest(source)
        assert "alpha text" not in harness.readable(ADA)
        harness.catalog.close()
    for path in before.new_root.rglob("*"):
        assert path.is_dir() or b"alpha text" not in path.read_bytes()


def test_a_document_that_came_and_was_purged_after_the_backup_does_not_come_in(
    before: Before, source: MemorySource
) -> None:
    before.next(d="delta text")
    purge(before.harness.catalog, "s/d", by="ops")
    with before.restored(before.ledger()) as harness:
        assert harness.documents()["s/d"][0] == "purged"
        harness.ingest(source)
        assert harness.documents()["s/d"][0] == "purged"
        assert "delta text" not in harness.readable(ADA)


@pytest.mark.parametrize("purged_before", [False, True])
def test_what_was_purged_and_let_in_again_comes_back_with_the_next_ingest_only(
    tmp_path: Path, source: MemorySource, purged_before: bool
) -> None:
    before = Before(tmp_path, source, STORES["memory"])

    def purge_now() -> None:
        purge(before.harness.catalog, "s/a", by="ops")
        finish_erasures(before.harness.catalog, before.harness.store, before.harness.cache)

    if purged_before:
        purge_now()
        shutil.rmtree(before.backup)
        save(before.harness, before.backup)
    else:
        purge_now()
    undo_purge(before.harness.catalog, "s/a", by="ops")
    with before.restored(before.ledger()) as harness:
        assert harness.readable(ADA) == ["gamma text revised"]
        harness.ingest(source)
        harness.promote()
        assert harness.readable(ADA) == ["alpha text", "gamma text revised"]


def test_the_number_of_a_version_that_was_lost_is_never_given_again(
    before: Before, source: MemorySource
) -> None:
    before.next(d="delta text")
    source.put("e", "epsilon text", "public")
    before.harness.ingest(source)  # version 4, of which the ledger's entries say nothing
    with before.restored(before.ledger()) as harness:
        assert harness.versions() == {1: "retired", 2: "promoted", 3: "retired", 4: "retired"}
        for number in (3, 4):
            with pytest.raises(UnknownVersionError):
                harness.readable(ADA, number)
        harness.ingest(source)
        assert harness.latest == 5
        assert harness.readable(ADA, 5) == [
            "alpha text",
            "delta text",
            "epsilon text",
            "gamma text revised",
        ]
        harness.promote()
        roll_back_to(harness, 2)
        assert harness.readable(ADA) == ["alpha text", "gamma text revised"]
        assert_counts_agree(harness)


def test_a_sweep_keeps_the_latest_version_that_is_there_and_not_a_number_that_was_lost(
    before: Before,
) -> None:
    before.next(d="delta text")
    with before.restored(before.ledger()) as harness:
        roll_back_to(harness, 1)
        swept = sweep(harness.catalog, harness.store, harness.cache, Retention(1, timedelta(0)))
        assert swept.kept == (1, 2)
        assert harness.readable(BOB, 2) == ["beta text", "gamma text revised"]


@pytest.mark.parametrize("with_ledger", [False, True])
def test_what_an_ingest_had_begun_belongs_to_the_next_version_whatever_its_number(
    tmp_path: Path, source: MemorySource, with_ledger: bool
) -> None:
    before = Before(tmp_path, source, STORES["memory"])
    source.put("d", "delta text", "public")
    source.put("b", "beta text revised", "user:bob")
    source.remove("a")
    died = before.harness
    with pytest.raises(RuntimeError):
        died.ingest(source, after=_die_at("begin"))
    shutil.rmtree(before.backup)
    save(died, before.backup)
    died.ingest(source)
    died.promote()
    later = before.ledger() if with_ledger else None
    with before.restored(later) as harness:
        assert harness.readable(BOB) == ["beta text", "gamma text revised"]
        harness.ingest(source)
        assert harness.latest == (4 if with_ledger else 3)
        harness.promote()
        assert harness.readable(BOB) == ["beta text revised", "delta text", "gamma text revised"]
        assert harness.readable(ADA) == ["delta text", "gamma text revised"]
        assert harness.texts(2)["s/b"] == ["beta text"]
        assert_counts_agree(harness)


def _die_at(step: str) -> Callable[[str], None]:
    def told(done: str) -> None:
        if done == step:
            raise RuntimeError(step)

    return told


def test_the_ledger_goes_on_where_the_later_one_ended(before: Before) -> None:
    before.next(d="delta text")
    roll_back_to(before.harness, 1)
    later = before.ledger()
    with before.restored(later) as harness:
        assert number_promoted(harness) == 2  # as of the backup
        kinds = [entry.kind for entry in entries(harness, "promote", "rollback", "restore")]
        assert kinds == ["promote", "promote", "promote", "rollback", "restore"]
        with harness.catalog.read() as session:
            assert ledgers.verify(session, head=later.head).problems == ()


def test_an_epoch_that_a_reader_may_have_seen_never_comes_again(before: Before, source: MemorySource) -> None:
    for reader in (EVE, BOB, ADA):
        source.allow("b", reader)
        before.harness.ingest(source)
    lost = _epoch(before.harness)
    with before.restored() as harness:
        first = _epoch(harness)
        assert first > lost
    store = MemoryStore()
    bring_back(before.backup, made(before.root / "third"), store)
    with Harness(before.root / "third", store=store) as harness:
        assert _epoch(harness) != first


def _epoch(harness: Harness) -> int:
    with harness.catalog.connect() as connection:
        return access_epoch(connection)
