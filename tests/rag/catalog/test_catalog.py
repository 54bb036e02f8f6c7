"""Opening and sharing the catalog."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import QueuePool
from sqlmodel import col

from rag.catalog import Catalog, engines, raise_access_epoch, recorded_run, rule_id
from rag.catalog.tables import ChunkRow, Counter, Document, DocumentState, Revision, Run, Source
from rag.errors import CatalogBusyError, CatalogError
from tests.rag.catalog.opening import opened, shown, url

pytestmark = pytest.mark.usefixtures("either_catalog")


def set_schema(path: Path, number: str) -> None:
    with opened(path) as catalog, catalog.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})


def test_a_missing_catalog_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no catalog yet") as caught:
        Catalog.open(url(tmp_path), migrate=False)
    assert "lockgate ingest" in caught.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_missing_catalog_is_made_by_a_writer_and_then_read(tmp_path: Path) -> None:
    Catalog.open(url(tmp_path / "deep" / "down"), migrate=True).close()
    Catalog.open(url(tmp_path / "deep" / "down"), migrate=False).close()


@pytest.mark.parametrize("migrate", [False, True])
def test_a_newer_catalog_is_left_alone(tmp_path: Path, migrate: bool) -> None:
    set_schema(tmp_path, "0999")
    with pytest.raises(CatalogError, match="newer release") as caught:
        Catalog.open(url(tmp_path), migrate=migrate)
    assert caught.value.where == shown(tmp_path)


def test_an_older_catalog_is_refused_by_a_reader(tmp_path: Path) -> None:
    set_schema(tmp_path, "0000")
    with pytest.raises(CatalogError, match=r"older release.*0000"):
        Catalog.open(url(tmp_path), migrate=False)


def test_opening_twice_migrates_once_and_keeps_what_is_there(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog, catalog.write() as session:
        session.add(Source(name="wiki"))
    with opened(tmp_path) as catalog, catalog.read() as session:
        assert session.scalars(select(col(Source.name))).all() == ["wiki"]


def test_times_come_back_as_they_went_in_and_in_utc(tmp_path: Path) -> None:
    cest = timezone(timedelta(hours=2))
    instant = datetime(2026, 7, 1, 1, 30, 0, 123456, tzinfo=cest)
    with opened(tmp_path) as catalog:
        with catalog.write() as session:
            session.add(Source(name="wiki", listed_at=instant))
            session.add(Source(name="never"))
        with catalog.read() as session:
            listed_at = session.get_one(Source, "wiki").listed_at
            assert session.get_one(Source, "never").listed_at is None
    assert listed_at == instant
    assert listed_at == datetime(2026, 6, 30, 23, 30, 0, 123456, tzinfo=UTC)
    assert listed_at.tzinfo is UTC


def test_a_naive_time_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with pytest.raises(StatementError, match="naive datetime"), catalog.write() as session:
            session.add(Source(name="wiki", listed_at=datetime(2026, 7, 1)))
        with catalog.read() as session:
            assert session.scalars(select(Source)).all() == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with pytest.raises(RuntimeError, match="midway"), catalog.write() as session:  # noqa: PT012
            session.add(Source(name="wiki"))
            session.flush()
            raise RuntimeError("midway")
        with catalog.read() as session:
            assert session.get(Source, "wiki") is None


def test_a_reader_sees_one_moment_while_a_writer_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog, catalog.connect() as connection:
        assert connection.scalars(select(col(Source.name))).all() == []
        with catalog.write() as session:
            session.add(Source(name="wiki"))
        assert connection.scalars(select(col(Source.name))).all() == []
        with catalog.look() as bare:
            assert bare.scalars(select(col(Source.name))).all() == ["wiki"]


def test_writers_take_turns_and_lose_no_update(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:

        def add(number: int) -> None:
            with (one if number % 2 else other).write() as session:
                raise_access_epoch(session)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(60)))
        with one.read() as session:
            assert session.get_one(Counter, "access_epoch").value == 60


def test_a_catalog_locked_for_too_long_is_an_error_that_may_be_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    with opened(tmp_path) as one, opened(tmp_path) as other, one.write() as session:
        session.add(Source(name="wiki"))
        session.flush()
        with pytest.raises(CatalogBusyError) as caught, other.write() as second:
            second.add(Source(name="mail"))
        assert caught.value.where == shown(tmp_path)


def test_many_threads_may_look_at_once_and_leave_room_for_others(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        barrier = threading.Barrier(15)

        def look(_: int) -> None:
            with catalog.look() as connection:
                connection.execute(select(col(Source.name))).all()
                barrier.wait()

        with ThreadPoolExecutor(15) as pool:
            list(pool.map(look, range(15)))
        # None of the connections above may be kept in a way that starves everyone else.
        assert isinstance(catalog.engine.pool, QueuePool)
        assert catalog.engine.pool.checkedout() < catalog.engine.pool.size()
        with catalog.connect() as connection:
            assert connection.execute(select(col(Source.name))).all() == []


def test_a_look_that_fails_gives_its_connection_back(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        for _ in range(40):
            with pytest.raises(RuntimeError, match="midway"), catalog.look():
                raise RuntimeError("midway")
        with catalog.look() as connection:
            assert connection.execute(select(col(Source.name))).all() == []


def test_the_id_of_a_deleted_chunk_is_never_given_again(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        first = add_document(catalog, "s/a")
        with catalog.write() as session:
            session.delete(session.get_one(Revision, first[0]))
        with catalog.read() as session:
            assert session.scalars(select(ChunkRow)).all() == []
        second = add_document(catalog, "s/b")
        assert second[0] > first[0]
        assert second[1] > first[1]


def add_document(catalog: Catalog, key: str) -> tuple[int, int]:
    """A document with one revision of one chunk; returns the ids of both."""
    from rag.access import EVERYBODY

    with catalog.write() as session:
        rule = rule_id(session, EVERYBODY)
        document = Document(
            key=key, source="s", external_id=key, state=DocumentState.ACTIVE, fingerprint="", pipeline=""
        )
        session.add(document)
        session.flush()
        assert document.id is not None
        revision = Revision(
            document_id=document.id,
            content_hash="",
            pipeline="",
            title="",
            format="txt",
            indexed_rule_id=rule,
            since=1,
            chunks=1,
        )
        session.add(revision)
        session.flush()
        assert revision.id is not None
        chunk = ChunkRow(
            revision_id=revision.id,
            ordinal=0,
            text="",
            context="",
            heading_path=[],
            start=0,
            end=0,
            text_hash="",
        )
        session.add(chunk)
        session.flush()
        assert chunk.id is not None
        return revision.id, chunk.id


def test_a_run_that_ends_well_is_recorded(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with recorded_run(catalog, "ingest") as record:
            with catalog.read() as session:
                (running,) = session.scalars(select(Run)).all()
            assert (running.kind, running.state, running.finished_at) == ("ingest", "running", None)
            record.version, record.summary = 3, {"seen": 7}
        with catalog.read() as session:
            (run,) = session.scalars(select(Run)).all()
    assert (run.state, run.version, run.summary, run.error) == ("completed", 3, {"seen": 7}, None)
    assert run.finished_at is not None
    assert run.finished_at >= run.started_at


def test_a_run_may_say_that_it_was_held(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        with recorded_run(catalog, "promote") as record:
            record.state = "held"
        with catalog.read() as session:
            assert session.scalars(select(col(Run.state))).all() == ["held"]


@pytest.mark.parametrize("error", [ValueError("the disk is full"), KeyboardInterrupt("ctrl-c")])
def test_a_run_that_fails_is_recorded_and_the_error_goes_on(tmp_path: Path, error: BaseException) -> None:
    with opened(tmp_path) as catalog:
        with pytest.raises(type(error)), recorded_run(catalog, "ingest") as record:  # noqa: PT012
            record.summary = {"seen": 2}
            raise error
        with catalog.read() as session:
            (run,) = session.scalars(select(Run)).all()
    assert (run.state, run.summary) == ("failed", {"seen": 2})
    assert run.error == f"{type(error).__name__}: {error}"
    assert run.finished_at is not None
