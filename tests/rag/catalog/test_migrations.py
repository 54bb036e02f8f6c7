"""From nothing, or from an earlier release, to the tables of this one."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, insert, select, text
from sqlmodel import SQLModel, col

from rag.catalog import SCHEMA, Catalog, engines
from rag.catalog.tables import ChunkRow, Pointer, Release, Version
from rag.errors import CatalogError
from tests.rag.catalog.opening import make_at, migrations, opened, url

pytestmark = pytest.mark.usefixtures("either_catalog")

NOW = datetime(2026, 7, 1, tzinfo=UTC)

OPEN = """
import sys
from rag.catalog import Catalog
sys.stdin.readline()
Catalog.open(sys.argv[1], migrate=True).close()
"""


def fill_first_release(url: str) -> None:
    """One row of everything that something else refers to."""
    make_at(url, "0001")
    engine = engines.engine_at(url)
    tables = MetaData()
    with engines.writing(engine).begin() as connection:
        tables.reflect(connection)

        def put(table: str, **values: object) -> None:
            connection.execute(insert(tables.tables[table]).values(**values))

        put("access_rule", id=1, digest="d", allow=["public"], deny=[])
        put("generation", id=1, digest="d", settings={}, created_at=NOW)
        put(
            "version",
            number=1,
            generation_id=1,
            state="promoted",
            documents=1,
            chunks=1,
            corpus="c",
            listings={},
            created_at=NOW,
            sealed_at=NOW,
        )
        put(
            "document",
            id=1,
            key="s/a",
            source="s",
            external_id="a",
            rule_id=1,
            state="active",
            fingerprint="f",
            pipeline="p",
            first_seen_at=NOW,
            processed_at=NOW,
        )
        put(
            "revision",
            id=1,
            document_id=1,
            content_hash="h",
            pipeline="p",
            title="A",
            format="txt",
            indexed_rule_id=1,
            since=1,
            chunks=1,
        )
        put(
            "chunk",
            id=1,
            revision_id=1,
            ordinal=0,
            text="alpha",
            context="",
            heading_path=[],
            start=0,
            end=5,
            text_hash="t",
        )
        put("release", id=1, digest="r", version=1, fingerprints={"golden": "g"}, created_at=NOW)
        put("pointer", name="promoted", release_id=1, moved_at=NOW)
        put(
            "decision",
            id=1,
            decision="promote",
            version=1,
            release_id=1,
            reasons=["good"],
            checks=[],
            fingerprints={},
            approved=False,
            decided_at=NOW,
        )
    engine.dispose()


def test_the_schema_of_this_release_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(migrations()).get_current_head() == SCHEMA


def test_the_migrations_make_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog, catalog.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_a_catalog_of_the_first_release_keeps_all_that_it_holds(tmp_path: Path) -> None:
    fill_first_release(url(tmp_path))
    with opened(tmp_path) as catalog, catalog.read() as session:
        assert session.scalars(select(col(ChunkRow.text))).all() == ["alpha"]
        assert session.get_one(Version, 1).sealed_at == NOW
        pointed = session.get_one(Pointer, "promoted").release_id
        assert session.get_one(Release, pointed).fingerprints == {"golden": "g"}


def test_a_catalog_of_the_first_release_gets_the_tables_of_this_one(tmp_path: Path) -> None:
    fill_first_release(url(tmp_path))
    with opened(tmp_path) as catalog, catalog.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_after_a_migration_keys_hold_as_before(tmp_path: Path, either_catalog: str) -> None:
    fill_first_release(url(tmp_path))
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.execute(text("DELETE FROM revision"))
        with catalog.read() as session:
            assert session.scalars(select(ChunkRow)).all() == []
            if either_catalog == "sqlite":
                assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("midway")

    monkeypatch.setattr(Catalog, "_check_keys", fail)
    with pytest.raises(RuntimeError, match="midway"):
        Catalog.open(url(tmp_path), migrate=True)
    monkeypatch.undo()
    with pytest.raises(CatalogError, match=r"no catalog yet|older release"):
        Catalog.open(url(tmp_path), migrate=False)
    with opened(tmp_path) as catalog, catalog.read() as session:
        assert session.scalars(select(Release)).all() == []


def test_several_threads_may_make_the_catalog_at_once(tmp_path: Path) -> None:
    address = url(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        for opening in [pool.submit(Catalog.open, address, migrate=True) for _ in range(4)]:
            opening.result().close()
    Catalog.open(address, migrate=False).close()


def test_several_processes_may_make_the_catalog_at_once(tmp_path: Path) -> None:
    commands = [sys.executable, "-c", OPEN, url(tmp_path)]
    processes = [
        subprocess.Popen(commands, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    ended = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ended
    Catalog.open(url(tmp_path), migrate=False).close()


def test_who_waits_for_a_newer_release_to_migrate_is_told_of_it(tmp_path: Path) -> None:
    # What the waiting one saw is of before; what it finds when its turn has come is newer than it knows.
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0999'"))
        with pytest.raises(CatalogError, match="newer release"):
            catalog._migrate()
