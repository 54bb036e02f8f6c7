"""Statements given to the driver as they are: the same rows as SQLAlchemy's own, on each dialect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import BindParameter, bindparam, select, text
from sqlmodel import col

from rag.catalog import Catalog
from rag.catalog.prepared import Prepared
from rag.catalog.tables import AccessRuleRow, Source, Version, VersionState
from rag.errors import CatalogError
from tests.rag.catalog.opening import opened

pytestmark = pytest.mark.usefixtures("either_catalog")

NOW = datetime(2026, 7, 1, 12, 30, 0, 5, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Sources ``mail`` (never listed), ``wiki`` and one with a name that a driver may trip over."""
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.add(Source(name="wiki", listed_at=NOW))
            session.add(Source(name="mail"))
            session.add(Source(name="50 %(name)s ? :name", listed_at=NOW))
            session.add(AccessRuleRow(digest="d", allow=["user:ädä", "public"], deny=[]))
        yield catalog


def test_times_and_nulls_come_back_as_from_the_models(catalog: Catalog) -> None:
    statement = select(col(Source.name), col(Source.listed_at)).order_by(
        col(Source.listed_at), col(Source.name)
    )
    with catalog.look() as connection:
        rows = Prepared(statement).rows(connection)
    assert sorted(rows, key=lambda row: str(row[0])) == [
        ("50 %(name)s ? :name", NOW),
        ("mail", None),
        ("wiki", NOW),
    ]
    assert all(row[1] is None or row[1].tzinfo is UTC for row in rows)


def test_json_comes_back_as_it_went_in(catalog: Catalog) -> None:
    with catalog.look() as connection:
        rows = Prepared(select(col(AccessRuleRow.allow), col(AccessRuleRow.deny))).rows(connection)
    assert rows == [(["user:ädä", "public"], [])]


def test_parameters_are_values_whatever_they_hold(catalog: Catalog) -> None:
    names: list[BindParameter[str]] = [bindparam("one"), bindparam("two")]
    statement = Prepared(select(col(Source.name)).where(col(Source.name).in_(names)))
    with catalog.look() as connection:
        assert statement.rows(connection, one="wiki", two="'; DROP TABLE source; --") == [("wiki",)]
        assert statement.rows(connection, one="50 %(name)s ? :name", two="x") == [("50 %(name)s ? :name",)]
        assert statement.rows(connection, one="", two="%") == []


def test_a_percent_sign_in_the_statement_itself_is_no_parameter(catalog: Catalog) -> None:
    statement = Prepared(select(col(Source.name)).where(col(Source.name).like("50 %")))
    with catalog.look() as connection:
        assert statement.rows(connection) == [("50 %(name)s ? :name",)]


def test_states_are_compared_by_their_words(catalog: Catalog) -> None:
    statement = Prepared(select(col(Version.number)).where(col(Version.state) != VersionState.RETIRED))
    with catalog.look() as connection:
        assert statement.rows(connection) == []


def test_a_statement_executed_many_times_gives_the_same_each_time(catalog: Catalog) -> None:
    statement = Prepared(select(col(Source.name)).where(col(Source.name) == bindparam("name")))
    with catalog.look() as connection:
        assert [statement.rows(connection, name="wiki") for _ in range(20)] == [[("wiki",)]] * 20


def test_in_a_transaction_it_sees_the_moment_of_the_transaction(catalog: Catalog) -> None:
    statement = Prepared(select(col(Source.name)).where(col(Source.name) == "wiki"))
    with catalog.connect() as connection:
        assert len(connection.execute(select(col(Source.name))).all()) == 3
        with catalog.write() as session:
            session.execute(text("DELETE FROM source"))
        assert statement.rows(connection) == [("wiki",)]


def test_what_the_driver_raises_is_told_as_any_other_error(catalog: Catalog, either_catalog: str) -> None:
    with catalog.write() as session:
        session.execute(text("ALTER TABLE source RENAME TO gone"))
    with pytest.raises(Exception, match=r"source") as caught, catalog.look() as connection:
        Prepared(select(col(Source.name))).rows(connection)
    assert not isinstance(caught.value, CatalogError)
    with catalog.look() as connection:
        assert connection.scalar(text("SELECT count(*) FROM gone")) == 3
