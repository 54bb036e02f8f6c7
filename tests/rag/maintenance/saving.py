"""Backing up a harness, and opening another on what was restored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path

from rag.catalog import Catalog
from rag.index import IndexStore
from rag.maintenance import BackupFacts, RestoreFacts, back_up, restore
from rag.releases import LedgerFile, export_ledger, read_ledger
from rag.releases.ledger import verify
from tests.support.harness import BOB, Harness
from tests.support.source import MemorySource

PROJECT = "acme"


def save(harness: Harness, target: Path) -> BackupFacts:
    return back_up(harness.catalog, harness.store, harness.root / "vectors.sqlite", target, project=PROJECT)


def ledger_of(harness: Harness, path: Path) -> LedgerFile:
    """The present ledger, exported to ``path`` and read back."""
    with harness.catalog.read() as session, path.open("w", encoding="utf-8") as file:
        file.writelines(export_ledger(session, project=PROJECT))
    return read_ledger(path)


def catalog_url(root: Path) -> str:
    return f"sqlite:///{root / 'catalog.sqlite'}"


def bring_back(
    backup: Path,
    root: Path,
    store: IndexStore,
    later: LedgerFile | None = None,
    *,
    members_of: Mapping[str, AbstractSet[str]] | None = None,
    url: str | None = None,
    accept_unknown: bool | None = None,
) -> RestoreFacts:
    """Restores into the folder ``root``, and proves the ledger there. Without a later ledger it accepts that."""
    facts = restore(
        backup,
        catalog_url=url or catalog_url(root),
        store=store,
        vectors=root / "vectors.sqlite",
        later=later,
        members_of=members_of,
        by="ops",
        accept_unknown=later is None if accept_unknown is None else accept_unknown,
    )
    with closing(Catalog.open(url or catalog_url(root), migrate=False)) as catalog, catalog.read() as session:
        assert verify(session, head=later.head if later else None).problems == ()
    return facts


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class Before:
    """A project with two promoted versions, backed up, that then goes on."""

    def __init__(self, root: Path, source: MemorySource, make: Callable[[Path], IndexStore]) -> None:
        self.root, self.source = root, source
        self.harness = Harness(made(root / "old"), store=make(root / "old"))
        self.new_root = made(root / "new")
        self.store = make(self.new_root)
        self.backup = root / "saved"
        self.harness.set_groups({"group:board": {BOB}})
        self.next()
        self.next(c="gamma text revised")
        self.portrait = self.harness.portrait()
        save(self.harness, self.backup)

    def next(self, **texts: str) -> None:
        """Writes these public documents, ingests and promotes."""
        for id, text in texts.items():
            self.source.put(id, text, "public")
        self.harness.ingest(self.source)
        self.harness.promote()

    def ledger(self) -> LedgerFile:
        return ledger_of(self.harness, self.root / "ledger.jsonl")

    def restored(self, later: LedgerFile | None = None) -> Harness:
        """A harness on the new folder, into which the backup was restored."""
        bring_back(self.backup, self.new_root, self.store, later)
        return self.opened()

    def opened(self) -> Harness:
        return Harness(self.new_root, store=self.store)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
