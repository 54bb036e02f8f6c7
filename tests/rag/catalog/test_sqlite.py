"""A catalog in a file: what may be wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, text

from rag.catalog import Catalog
from rag.catalog.tables import Document, Source
from rag.errors import CatalogError, TransientError
from tests.rag.catalog.opening import opened, url


def test_an_empty_file_is_an_older_catalog_which_a_writer_fills(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").touch()
    with pytest.raises(CatalogError, match=r"older release.*none"):
        Catalog.open(url(tmp_path), migrate=False)
    with opened(tmp_path) as catalog, catalog.read() as session:
        assert session.scalars(select(Document)).all() == []


@pytest.mark.parametrize("migrate", [False, True])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, migrate: bool) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_text("This is no database, whatever its name says. " * 100)
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="cannot be opened") as caught:
        Catalog.open(url(tmp_path), migrate=migrate)
    assert str(path) in caught.value.where
    assert path.read_bytes() == before


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").mkdir()
    with pytest.raises(CatalogError, match="cannot be opened") as caught:
        Catalog.open(url(tmp_path), migrate=True)
    assert str(tmp_path / "catalog.sqlite") in caught.value.where


def test_a_full_disk_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with pytest.raises(CatalogError, match="disk is full") as caught, catalog.write() as session:  # noqa: PT012
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            session.add(Source(name="wiki" * 100_000))
        assert caught.value.state == "What was being written was rolled back"
        assert not isinstance(caught.value, TransientError)
        with catalog.read() as session:
            assert session.scalars(select(Source)).all() == []


def test_a_file_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with pytest.raises(CatalogError, match="may not be written to") as caught, catalog.write() as session:  # noqa: PT012
            session.execute(text("PRAGMA query_only = ON"))
            session.add(Source(name="wiki"))
        assert "catalog.sqlite" in caught.value.where


def test_no_text_of_a_document_is_in_an_error_of_a_statement(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with pytest.raises(Exception, match="UNIQUE") as caught, catalog.write() as session:  # noqa: PT012
            statement = text("INSERT INTO source (name, incident) VALUES ('wiki', :words)")
            session.execute(statement, {"words": "the merger plan"})
            session.execute(statement, {"words": "the merger plan"})
        assert "merger" not in str(caught.value)
