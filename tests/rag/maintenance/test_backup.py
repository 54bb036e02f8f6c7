"""A backup is whole and of one moment, or it is not there; and nobody waits for it."""

from __future__ import annotations

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from rag.catalog.tables import LedgerEntry, Version, VersionState
from rag.errors import BackupError, LedgerError
from rag.index import EdgeStore
from rag.maintenance import backup as backup_module
from rag.maintenance import purge
from rag.maintenance.manifest import check_backup
from rag.releases import read_ledger
from rag.releases.ledger import verify
from tests.rag.maintenance.looking import roll_back_to
from tests.rag.maintenance.saving import files_below, save
from tests.support.harness import ADA, Harness
from tests.support.source import MemorySource


def two_versions(harness: Harness, source: MemorySource) -> None:
    """Both promoted, one after the other."""
    harness.ingest(source)
    harness.promote()
    source.put("c", "gamma text revised", "public")
    harness.ingest(source)
    harness.promote()


def test_it_holds_everything_and_says_what(anywhere: Harness, source: MemorySource, tmp_path: Path) -> None:
    two_versions(anywhere, source)
    facts = save(anywhere, tmp_path / "saved")
    assert (facts.promoted, facts.versions, facts.missing) == (2, (1, 2), ())
    manifest = check_backup(tmp_path / "saved")
    assert (manifest.project, manifest.promoted, manifest.versions) == ("acme", 2, {1: 3, 2: 3})
    assert manifest.created_at == facts.created_at
    with anywhere.catalog.read() as session:
        sound = verify(session)
    assert (manifest.entries, manifest.head) == (sound.entries, sound.head) == (facts.entries, facts.head)
    ledger = read_ledger(tmp_path / "saved" / "ledger.jsonl")
    assert (ledger.head, ledger.project) == (sound.head, "acme")
    stored = files_below(tmp_path / "saved")
    assert sorted(manifest.files) == [name for name in stored if name != "backup.json"]
    assert {"catalog.sqlite", "ledger.jsonl", "vectors.sqlite", "backup.json"} <= set(stored)
    assert (facts.files, facts.bytes) == (
        len(manifest.files),
        sum((tmp_path / "saved" / name).stat().st_size for name in manifest.files),
    )


def test_nobody_else_may_read_it(harness: Harness, source: MemorySource, tmp_path: Path) -> None:
    two_versions(harness, source)
    save(harness, tmp_path / "saved")
    assert (tmp_path / "saved").stat().st_mode & 0o077 == 0


def test_a_project_with_nothing_in_it_is_backed_up_as_such(harness: Harness, tmp_path: Path) -> None:
    facts = save(harness, tmp_path / "saved")
    assert (facts.promoted, facts.versions, facts.entries, facts.head) == (None, (), 0, "")
    assert check_backup(tmp_path / "saved").versions == {}


def test_a_version_whose_index_was_swept_or_is_being_built_is_not_in_it(
    harness: Harness, source: MemorySource, tmp_path: Path
) -> None:
    two_versions(harness, source)
    with harness.catalog.write() as session:
        row = session.get_one(Version, 1)
        row.swept_at = row.sealed_at
        session.add(Version(number=3, generation_id=row.generation_id, state=VersionState.BUILDING))
    harness.store.drop(1)
    facts = save(harness, tmp_path / "saved")
    assert (facts.versions, facts.missing) == ((2,), ())


def test_a_version_that_the_store_has_lost_is_named(
    harness: Harness, source: MemorySource, tmp_path: Path
) -> None:
    two_versions(harness, source)
    harness.store.drop(1)
    facts = save(harness, tmp_path / "saved")
    assert (facts.versions, facts.missing) == ((2,), (1,))


def test_without_the_promoted_version_there_is_no_backup(
    harness: Harness, source: MemorySource, tmp_path: Path
) -> None:
    two_versions(harness, source)
    harness.store.drop(2)
    with pytest.raises(BackupError, match="version 2, which is promoted"):
        save(harness, tmp_path / "saved")
    assert not list(tmp_path.glob("saved*"))


def test_a_ledger_that_is_not_sound_is_not_backed_up(
    harness: Harness, source: MemorySource, tmp_path: Path
) -> None:
    two_versions(harness, source)
    with harness.catalog.write() as session:
        session.execute(update(LedgerEntry).where(col(LedgerEntry.number) == 1).values(reasons=["no"]))
    with pytest.raises(LedgerError, match=r"not sound: entry 1 .* was changed"):
        save(harness, tmp_path / "saved")
    assert not list(tmp_path.glob("saved*"))


def test_what_is_there_already_is_left_alone(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for target in (tmp_path / "full", tmp_path / "file"):
        with pytest.raises(BackupError, match="something here already"):
            save(harness, target)
    assert (tmp_path / "full" / "letter").read_text() == (tmp_path / "file").read_text() == "dear"


def test_an_empty_folder_that_is_there_may_be_named(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    save(harness, tmp_path / "empty")
    check_backup(tmp_path / "empty")


@pytest.mark.parametrize("step", ["snapshot_catalog", "snapshot_file", "files_of", "write_manifest"])
def test_a_backup_that_fails_leaves_nothing(
    harness: Harness, source: MemorySource, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_versions(harness, source)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(backup_module, step, full)
        with pytest.raises(BackupError, match=r"No space left on device") as caught:
            save(harness, tmp_path / "saved")
    assert "the disk has room" in caught.value.next_step
    assert not list(tmp_path.glob("saved*"))
    save(harness, tmp_path / "saved")


def test_what_a_killed_backup_left_goes_with_the_next_one(
    harness: Harness, source: MemorySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_versions(harness, source)
    save(harness, tmp_path / "saved")
    with monkeypatch.context() as patched:
        patched.setattr(backup_module.shutil, "rmtree", lambda *_, **__: None)  # type: ignore[attr-defined]
        patched.setattr(backup_module, "write_manifest", _die)
        with pytest.raises(KeyboardInterrupt):
            save(harness, tmp_path / "again")
    (left,) = tmp_path.glob("again*")
    assert left.name.startswith("again.partial-")
    save(harness, tmp_path / "again")
    assert [path.name for path in tmp_path.glob("again*")] == ["again"]


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_manifest_is_json_that_a_person_can_read(
    harness: Harness, source: MemorySource, tmp_path: Path
) -> None:
    two_versions(harness, source)
    save(harness, tmp_path / "saved")
    manifest = json.loads((tmp_path / "saved" / "backup.json").read_text())
    assert (manifest["format"], manifest["project"], manifest["store"]) == (1, "acme", "memory")
    assert set(manifest["files"]["catalog.sqlite"]) == {"size", "digest"}


def test_the_text_of_what_was_purged_is_not_in_it(
    harness: Harness, source: MemorySource, tmp_path: Path
) -> None:
    two_versions(harness, source)
    assert b"alpha text" in _bytes_of(harness.root / "catalog.sqlite")
    purge(harness.catalog, "s/a", by="ops")
    save(harness, tmp_path / "saved")
    assert b"alpha text" not in _bytes_of(tmp_path / "saved" / "catalog.sqlite")


def _bytes_of(path: Path) -> bytes:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return path.read_bytes()


def test_readers_promotions_and_rollbacks_go_on_meanwhile(tmp_path: Path, source: MemorySource) -> None:
    with Harness(tmp_path / "state", store=EdgeStore(tmp_path / "state" / "index")) as harness:
        two_versions(harness, source)
        retriever = harness.retriever()
        stop = threading.Event()

        def read() -> set[tuple[str, ...]]:
            seen: set[tuple[str, ...]] = set()
            while not stop.is_set():
                found = retriever.search_version("gamma text", principal=ADA)
                seen.add((str(found.version), *sorted(hit.text for hit in found.hits)))
            return seen

        def move() -> int:
            moves = 0
            while not stop.is_set():
                roll_back_to(harness, 1)
                harness.promote(2)
                moves += 2
            return moves

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read) for _ in range(3)]
            mover = pool.submit(move)
            try:
                for number in range(3):
                    save(harness, tmp_path / f"saved-{number}")
            finally:
                stop.set()
            seen = set().union(*(reader.result() for reader in readers))
            assert mover.result() > 0
    assert seen <= {
        ("1", "alpha text", "gamma text"),
        ("2", "alpha text", "gamma text revised"),
    }
    for number in range(3):
        manifest = check_backup(tmp_path / f"saved-{number}")
        assert manifest.versions == {1: 3, 2: 3}
        assert manifest.promoted in (1, 2)
