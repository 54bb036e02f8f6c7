"""What a restore refuses, and that it then changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.tables import Version
from rag.errors import BackupError, LedgerError
from rag.index import EdgeStore
from rag.maintenance.manifest import Manifest
from rag.releases import LedgerFile
from tests.rag.maintenance.saving import PROJECT, Before, bring_back, files_below, ledger_of, made, save
from tests.support.harness import ADA, Harness
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource


@pytest.fixture
def before(tmp_path: Path, source: MemorySource) -> Before:
    return Before(tmp_path, source, lambda _root: MemoryStore())


def test_without_a_ledger_it_must_be_said_that_purges_may_be_forgotten(before: Before) -> None:
    with pytest.raises(BackupError, match="not known") as caught:
        bring_back(before.backup, before.new_root, before.store, accept_unknown=False)
    assert "--without-ledger" in caught.value.next_step
    assert files_below(before.new_root) == []


def test_the_ledger_of_another_project_is_refused(before: Before, source: MemorySource) -> None:
    with Harness(made(before.root / "other")) as other:
        other.ingest(source)
        for _ in range(3):
            other.promote()
        later = ledger_of(other, before.root / "other.jsonl")
    with pytest.raises(LedgerError, match="its entry 2 is not the one"):
        bring_back(before.backup, before.new_root, before.store, later)
    named = LedgerFile(
        project="other",
        exported_at=later.exported_at,
        last_version=0,
        access_epoch=0,
        entries=(),
        rules={},
        memberships=(),
        directories=(),
    )
    with pytest.raises(LedgerError, match=f"project other, and the backup of {PROJECT}"):
        bring_back(before.backup, before.new_root, before.store, named)
    assert files_below(before.new_root) == []


def test_a_ledger_older_than_the_backup_is_refused(before: Before) -> None:
    older = before.ledger()
    before.next(d="delta text")
    save(before.harness, before.root / "newer")
    with pytest.raises(LedgerError, match="it ends at entry 2, and the backup at 3"):
        bring_back(before.root / "newer", before.new_root, before.store, older)
    assert files_below(before.new_root) == []


def test_a_place_in_use_is_left_alone(before: Before) -> None:
    files = files_below(before.harness.root)
    with pytest.raises(BackupError, match="a catalog with 2 versions, 2 ledger entries is there") as caught:
        bring_back(before.backup, before.harness.root, before.harness.store)
    assert "lockgate ledger export" in caught.value.next_step
    assert files_below(before.harness.root) == files
    assert before.harness.portrait() == before.portrait


def test_a_store_with_versions_is_left_alone(before: Before) -> None:
    with pytest.raises(BackupError, match="the index holds versions: 1, 2"):
        bring_back(before.backup, before.new_root, before.harness.store)
    assert before.harness.store.sealed() == [1, 2]
    assert files_below(before.new_root) == []


@pytest.mark.parametrize("name", ["vectors.sqlite", "vectors.sqlite-wal", "catalog.sqlite-wal"])
def test_files_of_a_database_are_left_alone(before: Before, name: str) -> None:
    (before.new_root / name).write_bytes(b"mine")
    with pytest.raises(BackupError, match="is there"):
        bring_back(before.backup, before.new_root, before.store)
    assert files_below(before.new_root) == [name]
    assert (before.new_root / name).read_bytes() == b"mine"


def test_a_file_that_is_no_catalog_is_left_alone(before: Before) -> None:
    (before.new_root / "catalog.sqlite").write_bytes(b"a letter, and a long one" * 99)
    with pytest.raises(BackupError, match="cannot be read as a catalog"):
        bring_back(before.backup, before.new_root, before.store)
    assert files_below(before.new_root) == ["catalog.sqlite"]


def test_a_catalog_without_versions_makes_way(before: Before) -> None:
    Catalog.open(f"sqlite:///{before.new_root / 'catalog.sqlite'}", migrate=True).close()
    with before.restored() as harness:
        assert harness.portrait() == before.portrait


def test_a_catalog_that_somebody_has_open_does_not_make_way(before: Before) -> None:
    catalog = Catalog.open(f"sqlite:///{before.new_root / 'catalog.sqlite'}", migrate=True)
    with catalog.connect() as connection:
        connection.execute(select(col(Version.number))).all()
        with pytest.raises(BackupError, match="locked"):
            bring_back(before.backup, before.new_root, before.store)
    catalog.close()
    with before.restored() as harness:
        assert harness.portrait() == before.portrait


def test_an_index_of_another_kind_of_store_is_refused(before: Before) -> None:
    with pytest.raises(BackupError, match="store memory, and this project has edge"):
        bring_back(before.backup, before.new_root, EdgeStore(before.new_root / "index"))
    assert files_below(before.new_root) == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "no backup": ("backup.json is missing", lambda backup: (backup / "backup.json").unlink()),
    "manifest cut": ("backup.json cannot be read", lambda backup: cut(backup / "backup.json")),
    "manifest flipped": ("backup.json", lambda backup: flip(backup / "backup.json")),
    "catalog missing": ("catalog.sqlite is missing", lambda backup: (backup / "catalog.sqlite").unlink()),
    "catalog flipped": ("catalog.sqlite have changed", lambda backup: flip(backup / "catalog.sqlite")),
    "catalog cut": ("catalog.sqlite has", lambda backup: cut(backup / "catalog.sqlite")),
    "vectors flipped": ("vectors.sqlite have changed", lambda backup: flip(backup / "vectors.sqlite")),
    "ledger flipped": ("ledger.jsonl have changed", lambda backup: flip(backup / "ledger.jsonl")),
    "version missing": ("is missing", lambda backup: shutil.rmtree(backup / "index" / "00000002")),
    "version foreign": (
        "was not there when it was made",
        lambda backup: (backup / "index" / "00000003").touch(),
    ),
    "index flipped": (
        "have changed",
        lambda backup: flip(max((backup / "index").rglob("*"), key=lambda path: path.stat().st_size)),
    ),
}


@pytest.fixture(scope="module")
def edge_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, the second promoted."""
    root = tmp_path_factory.mktemp("edge")
    source = MemorySource()
    source.put("a", "alpha text", ADA)
    source.put("c", "gamma text", "public")
    with Harness(root, store=EdgeStore(root / "index")) as harness:
        for text in ("gamma text", "gamma text revised"):
            source.put("c", text, "public")
            harness.ingest(source)
            harness.promote()
        save(harness, root / "saved")
    return root / "saved"


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_backup_is_told_and_changes_nothing(tmp_path: Path, edge_backup: Path, kind: str) -> None:
    words, damage = DAMAGE[kind]
    shutil.copytree(edge_backup, tmp_path / "saved")
    damage(tmp_path / "saved")
    with pytest.raises(BackupError, match=words) as caught:
        bring_back(tmp_path / "saved", made(tmp_path / "new"), EdgeStore(tmp_path / "new" / "index"))
    assert str(tmp_path / "saved") in caught.value.where
    assert files_below(tmp_path / "new") == []


def rewrite(backup: Path, **changes: object) -> None:
    """Changes the manifest, as another release would have written it."""
    raw = json.loads((backup / "backup.json").read_text())
    manifest = Manifest.model_validate({**raw, **changes}).sealed()
    (backup / "backup.json").write_text(manifest.model_dump_json())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, r"newer release \(format 2"),
        ({"catalog_schema": "0999"}, r"newer release \(schema 0999"),
    ],
)
def test_a_backup_of_a_newer_release_asks_for_it(
    before: Before, changes: dict[str, object], words: str
) -> None:
    rewrite(before.backup, **changes)
    with pytest.raises(BackupError, match=words) as caught:
        bring_back(before.backup, before.new_root, before.store)
    assert "Install that release" in caught.value.next_step
    assert files_below(before.new_root) == []


def test_a_backup_of_an_older_schema_is_brought_up_to_date(before: Before) -> None:
    rewrite(before.backup, catalog_schema="0001")
    with before.restored() as harness:
        assert harness.portrait() == before.portrait


def test_a_manifest_that_points_elsewhere_is_refused(before: Before) -> None:
    raw = json.loads((before.backup / "backup.json").read_text())
    rewrite(before.backup, files={**raw["files"], "../ledger.jsonl": raw["files"]["ledger.jsonl"]})
    with pytest.raises(BackupError, match="lies elsewhere"):
        bring_back(before.backup, before.new_root, before.store)


def test_a_ledger_of_another_moment_in_the_backup_is_refused(before: Before) -> None:
    rewrite(before.backup, entries=1)
    with pytest.raises(LedgerError, match="not the one that its manifest names"):
        bring_back(before.backup, before.new_root, before.store)
    assert files_below(before.new_root) == []
