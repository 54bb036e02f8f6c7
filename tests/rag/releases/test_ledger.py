"""The ledger: what is changed in it, taken from it or put into it is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, select, text, update
from sqlalchemy.pool import NullPool
from sqlmodel import Session, col

import rag.catalog.catalog
from rag.catalog import Catalog, utcnow
from rag.catalog.tables import Counter, LedgerEntry, Pointer, Release
from rag.errors import LedgerError
from rag.releases import roll_back
from rag.releases.ledger import Entry, append, rehash, story, verify
from tests.rag.catalog.opening import opened, url
from tests.rag.releases.ledgers import write_six

ENTRIES = 6
COLUMNS = [column for column in LedgerEntry.__table__.columns.keys() if column != "number"]  # type: ignore[attr-defined]  # noqa: SIM118


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Six entries. Tests work in sessions that are rolled back."""
    with opened(tmp_path_factory.mktemp("ledger")) as catalog:
        write_six(catalog)
        yield catalog


def problems(session: Session, head: str | None = None) -> tuple[str, ...]:
    session.flush()
    session.expire_all()
    return verify(session, head=head).problems


def entry(session: Session, number: int) -> LedgerEntry:
    return session.get_one(LedgerEntry, number)


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog, catalog.read() as session:
        found = verify(session)
    assert (found.entries, found.head, found.problems) == (0, "", ())


def test_a_ledger_that_nobody_touched_is_sound(catalog: Catalog) -> None:
    with catalog.read() as session:
        found = verify(session)
        assert (found.entries, found.problems) == (ENTRIES, ())
        assert found.head == entry(session, ENTRIES).hash


def test_the_story_of_a_version_is_its_entries_in_order(catalog: Catalog) -> None:
    with catalog.read() as session:
        assert [row.kind for row in story(session, 1)] == ["promote", "rollback"]
        assert [row.kind for row in story(session, 2)] == ["hold", "promote"]
        assert [row.number for row in story(session)] == [1, 2, 3, 4, 5, 6]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
values: dict[str, st.SearchStrategy[Any]] = {
    "kind": texts,
    "version": st.none() | st.integers(-3, 9),
    "release": st.none() | texts,
    "reasons": st.lists(texts, max_size=2),
    "checks": st.lists(st.dictionaries(texts, json_values, max_size=2), max_size=2),
    "fingerprints": st.dictionaries(texts, texts, max_size=2),
    "details": st.dictionaries(texts, json_values, max_size=2),
    "decided_at": st.integers(-(10**9), 10**9).map(lambda micros: utcnow() + timedelta(microseconds=micros)),
    "previous": texts,
    "hash": texts,
}


@settings(database=None, deadline=None, max_examples=200)
@given(st.data())
def test_any_change_of_any_column_of_any_row_is_found(catalog: Catalog, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, ENTRIES))
    column = data.draw(st.sampled_from(COLUMNS))
    value = data.draw(values[column])
    with catalog.read() as session:
        if repr(getattr(entry(session, number), column)) == repr(value):
            return
        session.execute(update(LedgerEntry).where(col(LedgerEntry.number) == number).values({column: value}))
        assert problems(session)


@pytest.mark.parametrize("number", [1, ENTRIES])
@pytest.mark.parametrize("column", ["reasons", "checks", "fingerprints", "details", "decided_at"])
@pytest.mark.parametrize("garbage", ["", "7", "NaN", "[NaN]", "{", "null", "2026"])
def test_a_column_overwritten_with_something_unreadable_is_found(
    catalog: Catalog, number: int, column: str, garbage: str
) -> None:
    with catalog.read() as session:
        session.execute(
            text(f"UPDATE ledger SET {column} = :garbage WHERE number = :number"),
            {"garbage": garbage, "number": number},
        )
        assert problems(session)


@pytest.mark.parametrize("gone", [[1], [3], [6], [2, 3], [5, 6], [1, 2, 3, 4, 5, 6]])
def test_rows_that_were_removed_are_found(catalog: Catalog, gone: list[int]) -> None:
    with catalog.read() as session:
        session.execute(delete(LedgerEntry).where(col(LedgerEntry.number).in_(gone)))
        assert any("missing" in problem for problem in problems(session))


def test_rows_removed_and_the_rest_moved_up_are_found(catalog: Catalog) -> None:
    with catalog.read() as session:
        session.execute(delete(LedgerEntry).where(col(LedgerEntry.number) == 2))
        for number in range(3, ENTRIES + 1):
            session.execute(
                update(LedgerEntry).where(col(LedgerEntry.number) == number).values(number=number - 1)
            )
        assert len(problems(session)) > 1


@pytest.mark.parametrize("number", [0, 7, 9])
def test_a_row_that_was_put_in_is_found_though_its_hash_is_right(catalog: Catalog, number: int) -> None:
    with catalog.read() as session:
        last = entry(session, ENTRIES)
        forged = LedgerEntry(
            **{
                **last.model_dump(),
                "number": number,
                "previous": last.hash if number else "",
                "kind": "approve",
            }
        )
        forged.hash = rehash(forged)
        session.execute(insert(LedgerEntry), [forged.model_dump()])
        assert problems(session)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 5), (5, 6)])
def test_rows_that_were_swapped_are_found(catalog: Catalog, one: int, other: int) -> None:
    with catalog.read() as session:
        for old, new in ((one, 100), (other, one), (100, other)):
            session.execute(update(LedgerEntry).where(col(LedgerEntry.number) == old).values(number=new))
        assert problems(session)


def test_a_pointer_that_was_moved_by_hand_is_found(catalog: Catalog) -> None:
    with catalog.read() as session:
        other = session.scalars(select(col(Release.id)).where(col(Release.version) == 2)).one()
        session.execute(update(Pointer).values(release_id=other))
        assert problems(session) == (
            "readers see another release than the one that entry 4 (rollback) named",
        )


def test_a_pointer_that_was_taken_away_is_found(catalog: Catalog) -> None:
    with catalog.read() as session:
        session.execute(delete(Pointer))
        assert len(problems(session)) == 1


def test_a_pointer_without_any_entry_is_found(catalog: Catalog) -> None:
    with catalog.read() as session:
        session.execute(delete(LedgerEntry))
        session.execute(delete(Counter).where(col(Counter.name) == "ledger"))
        assert problems(session) == ("a version is promoted, and no entry says why",)


def test_a_ledger_rewritten_as_a_whole_is_found_by_a_head_kept_elsewhere(catalog: Catalog) -> None:
    with catalog.read() as session:
        kept = verify(session).head
        entry(session, 2).reasons = ["nobody will know"]
        previous = ""
        for row in story(session):
            row.previous = previous
            previous = row.hash = rehash(row)
        assert problems(session) == ()
        (problem,) = problems(session, kept)
        assert "not a continuation" in problem


def test_a_head_kept_elsewhere_stays_in_a_ledger_that_grows(catalog: Catalog) -> None:
    with catalog.read() as session:
        kept = verify(session).head
        append(session, Entry("approve"))
        assert problems(session, kept) == ()


def test_an_entry_goes_with_the_transaction_that_it_belongs_to(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError, match="midway"), catalog.write() as session:  # noqa: PT012
        roll_back(session, to=2)
        raise RuntimeError("midway")
    with catalog.read() as session:
        found = verify(session)
    assert (found.entries, found.problems) == (ENTRIES, ())


def test_nothing_is_appended_to_a_ledger_whose_end_is_missing(catalog: Catalog) -> None:
    with catalog.read() as session:
        session.execute(delete(LedgerEntry).where(col(LedgerEntry.number) == ENTRIES))
        session.expire_all()
        with pytest.raises(LedgerError, match="entry 6"):
            append(session, Entry("approve"))


def test_what_json_cannot_hold_is_refused_and_not_written(catalog: Catalog) -> None:
    with catalog.read() as session:
        with pytest.raises(ValueError, match="JSON"):
            append(session, Entry("approve", details={"value": float("nan")}))
        assert problems(session) == ()


def test_the_decisions_of_an_older_catalog_are_chained(tmp_path: Path) -> None:
    migrate(tmp_path, "0001")
    with opened_raw(tmp_path) as connection:
        for statement in (
            "INSERT INTO generation VALUES (1, 'd', '{}', '2026-01-01 00:00:00')",
            "INSERT INTO version (number, generation_id, state, documents, chunks, listings, created_at)"
            " VALUES (1, 1, 'promoted', 0, 0, '{}', '2026-01-01 00:00:00'),"
            " (2, 1, 'rejected', 0, 0, '{}', '2026-01-01 00:00:00')",
            "INSERT INTO release VALUES (1, 'r1', 1, '{}', '2026-01-01 00:00:00')",
            "INSERT INTO decision VALUES"
            " (3, 'promote', 1, 1, NULL, '[\"first\"]', '[]', '{\"golden\": \"g\"}', 1, '2026-01-02 03:04:05.000006'),"  # noqa: E501
            " (7, 'block', 2, NULL, NULL, '[\"leak\"]', '[{\"value\": 0.3}]', '{}', 0, '2026-01-03 00:00:00')",
            "INSERT INTO pointer VALUES ('promoted', 1, '2026-01-02 00:00:00')",
        ):
            connection.execute(text(statement))
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            found = verify(session)
            assert (found.entries, found.problems) == (2, ())
            first, second = story(session)
            assert (first.kind, first.version, first.release, first.reasons) == (
                "promote",
                1,
                "r1",
                ["first"],
            )
            assert first.details == {"approved": True}
            assert first.decided_at.isoformat() == "2026-01-02T03:04:05.000006+00:00"
            assert (second.kind, second.release, second.checks) == ("block", None, [{"value": 0.3}])
            append(session, Entry("approve"))
        with catalog.read() as session:
            assert verify(session).problems == ()
            assert entry(session, 3).previous == second.hash


def test_an_older_catalog_without_decisions_has_an_empty_ledger(tmp_path: Path) -> None:
    migrate(tmp_path, "0001")
    with opened(tmp_path) as catalog, catalog.read() as session:
        assert verify(session).entries == 0


def test_the_hash_is_over_everything_in_one_canonical_form(catalog: Catalog) -> None:
    with catalog.read() as session:
        row = entry(session, 6)
        canonical = (
            f'{{"checks":[],"decided_at":"{row.decided_at.isoformat(timespec="microseconds")}",'
            f'"details":{{"origin":"groups"}},"fingerprints":{{}},"kind":"members","number":6,'
            f'"previous":"{row.previous}","reasons":[],"release":null,"version":null}}'
        )
        assert row.hash == hashlib.sha256(canonical.encode()).hexdigest()


@contextmanager
def opened_raw(folder: Path) -> Iterator[Connection]:
    """The catalog's file, of whatever schema, in one transaction."""
    engine = create_engine(url(folder), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def migrate(folder: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(rag.catalog.catalog.__file__).parent / "migrations"))
    with opened_raw(folder) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
