"""A backup from one database into another: everything that a catalog means is the same on both."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlmodel import SQLModel

from rag.catalog import Catalog
from rag.maintenance import back_up, purge
from rag.maintenance.copying import replace_rows
from tests.rag.catalog.test_catalog import add_document
from tests.rag.maintenance.saving import PROJECT, Before, bring_back, catalog_url
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource


def rows_of(catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for the entry and the epoch that each restore adds."""
    with catalog.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in SQLModel.metadata.sorted_tables
            if table.name not in ("ledger", "counter")
        }


def test_from_a_file_into_a_server_and_back(tmp_path: Path, source: MemorySource, postgres_url: str) -> None:
    before = Before(tmp_path, source, lambda _root: MemoryStore())
    purge(before.harness.catalog, "s/a", by="ops")
    later = before.ledger()
    bring_back(before.backup, before.new_root, before.store, later, url=postgres_url)
    with closing(Catalog.open(postgres_url, migrate=False)) as server:
        there = rows_of(server)
        vectors = before.new_root / "vectors.sqlite"
        facts = back_up(server, before.store, vectors, tmp_path / "second", project=PROJECT)
        assert (facts.promoted, facts.versions) == (2, (1, 2))
    third = tmp_path / "third"
    bring_back(tmp_path / "second", third, MemoryStore())
    with closing(Catalog.open(catalog_url(third), migrate=False)) as file:
        assert rows_of(file) == there


def test_an_id_that_was_ever_given_is_not_given_again_on_the_other_side(
    tmp_path: Path, postgres_url: str
) -> None:
    file = Catalog.open(f"sqlite:///{tmp_path / 'one.sqlite'}", migrate=True)
    server = Catalog.open(postgres_url, migrate=True)
    back = Catalog.open(f"sqlite:///{tmp_path / 'two.sqlite'}", migrate=True)
    try:
        last = max(add_document(file, f"s/{number}") for number in range(3))
        with file.write() as session:
            session.execute(text("DELETE FROM revision"))
        replace_rows(file, server)
        replace_rows(server, back)
        assert add_document(back, "s/x") > last
        assert add_document(server, "s/x") > last
    finally:
        for catalog in (file, server, back):
            catalog.close()
