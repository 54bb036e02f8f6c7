"""A catalog on a server: what may happen to a server, and to the way there."""

from __future__ import annotations

import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from rag.catalog import Catalog, engines
from rag.catalog.tables import Source
from rag.errors import CatalogBusyError, CatalogError, CatalogUnavailableError, TransientError
from tests.support.postgres import PASSWORD, OwnServer, Server

SECRET = "not the pass"


@pytest.fixture
def catalog(postgres_url: str) -> Iterator[Catalog]:
    catalog = Catalog.open(postgres_url, migrate=True)
    yield catalog
    catalog.close()


def names(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        return sorted(session.scalars(select(col(Source.name))))


def looked(catalog: Catalog) -> list[str]:
    with catalog.look() as connection:
        return list(connection.scalars(select(col(Source.name))))


def refusal(url: str) -> CatalogError:
    """What opening raises, after a look that no word of it gives the password away."""
    with pytest.raises(CatalogError) as caught:
        Catalog.open(url, migrate=True)
    error = caught.value
    for password in (SECRET, PASSWORD, "hush"):
        assert password not in f"{error} {error.__cause__} {error.__context__} {pickle.dumps(error)!r}"
    return error


def changed(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]  # any part of a URL


def test_a_wrong_password_is_told_and_not_shown(postgres_url: str) -> None:
    error = refusal(changed(postgres_url, password=SECRET))
    assert "does not accept the user's password" in error.what
    assert ":***@" in error.where
    assert not isinstance(error, TransientError)


def test_a_password_in_the_query_is_not_shown_either(postgres_url: str) -> None:
    url = make_url(postgres_url)
    password = url.password
    assert isinstance(password, str)
    plain = url.set(password=None).update_query_dict({"password": password})
    with_wrong = plain.update_query_dict({"password": SECRET}).render_as_string(hide_password=False)
    assert SECRET not in str(refusal(with_wrong))
    Catalog.open(plain.render_as_string(hide_password=False), migrate=True).close()


def test_a_missing_database_is_named(postgres_url: str) -> None:
    error = refusal(changed(postgres_url, database="nowhere"))
    assert error.what == "the server has no database 'nowhere'"
    assert "createdb" in error.next_step


def test_an_unknown_user_is_not_let_in(postgres_url: str) -> None:
    assert "password" in refusal(changed(postgres_url, username="stranger", password=SECRET)).what


def test_a_server_that_does_not_answer_may_be_tried_again(postgres_url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = refusal(changed(postgres_url, port=free.getsockname()[1]))
    assert isinstance(error, CatalogUnavailableError)
    assert error.what == "the server cannot be reached (Connection refused)"
    assert "see that it runs" in error.next_step.lower()


def test_a_host_without_an_address_is_named(postgres_url: str) -> None:
    error = refusal(changed(postgres_url, host="nowhere.invalid"))
    assert isinstance(error, CatalogUnavailableError)
    assert "nowhere.invalid" in error.where


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:hush@h:port/d", "nonsense", "no+such://u:hush@h/d"])
def test_a_url_that_cannot_be_understood_is_not_repeated(url: str) -> None:
    assert "cannot be understood" in refusal(url).what


def test_a_driver_that_is_not_installed_is_named() -> None:
    error = refusal("postgresql+pg8000://u:hush@h/d")
    assert error.what == "the catalog's driver is not installed (pg8000)"
    assert "lockgate[postgres]" in error.next_step


def test_a_database_of_another_encoding_is_refused(postgres: Server) -> None:
    postgres.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
    url = changed(postgres.url.render_as_string(hide_password=False), database="latin")
    try:
        assert "keeps text as LATIN1" in refusal(url).what
    finally:
        postgres.drop(url)


def test_a_user_who_may_not_make_tables_is_told_so(postgres: Server, postgres_url: str) -> None:
    postgres.sql(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    try:
        error = refusal(changed(postgres_url, username="guest", password=SECRET))
        assert "lacks a right" in error.what
        assert "GRANT" in error.next_step
    finally:
        postgres.sql("DROP ROLE guest")


def test_a_standby_can_be_read_and_says_that_it_takes_no_writes(
    catalog: Catalog, own_postgres: OwnServer
) -> None:
    with catalog.write() as session:
        session.add(Source(name="wiki"))
    with own_postgres.as_standby():
        assert names(catalog) == ["wiki"]
        assert looked(catalog) == ["wiki"]
        with pytest.raises(CatalogError, match="takes no writes"), catalog.write() as session:
            session.add(Source(name="mail"))
    with catalog.write() as session:
        session.add(Source(name="mail"))
    assert names(catalog) == ["mail", "wiki"]


def test_a_read_cannot_write(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="takes no writes"), catalog.read() as session:  # noqa: PT012
        session.add(Source(name="wiki"))
        session.flush()


def test_a_connection_lost_midway_keeps_nothing(
    catalog: Catalog, postgres: Server, postgres_url: str
) -> None:
    with pytest.raises(CatalogUnavailableError) as caught, catalog.write() as session:  # noqa: PT012
        session.add(Source(name="wiki"))
        session.flush()
        postgres.end_connections(postgres_url)
        session.add(Source(name="mail"))
        session.flush()
    assert caught.value.what == "the connection to the server was lost"
    assert caught.value.state == "What was being written was rolled back"
    assert names(catalog) == []


def test_a_connection_lost_at_the_commit_leaves_it_open_what_became_of_it(
    catalog: Catalog, postgres: Server, postgres_url: str
) -> None:
    with pytest.raises(CatalogUnavailableError) as caught, catalog.write() as session:  # noqa: PT012
        session.add(Source(name="wiki"))
        session.flush()
        postgres.end_connections(postgres_url)
    assert "either kept as a whole or not at all" in caught.value.state
    assert names(catalog) == []


def test_the_write_lock_ends_with_a_writer_that_is_killed(catalog: Catalog, postgres_url: str) -> None:
    code = """if True:
        import sys
        from rag.catalog import Catalog
        from rag.catalog.tables import Source
        with Catalog.open(sys.argv[1], migrate=True).write() as session:
            session.add(Source(name="wiki"))
            session.flush()
            print("held", flush=True)
            sys.stdin.read()
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", code, postgres_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "held\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    with catalog.write() as session:
        session.add(Source(name="mail"))
    assert names(catalog) == ["mail"]


def test_the_next_call_after_a_restart_works(catalog: Catalog, own_postgres: OwnServer) -> None:
    with catalog.write() as session:
        session.add(Source(name="wiki"))
    with catalog.look() as connection:
        assert connection.scalars(select(col(Source.name))).all() == ["wiki"]
    own_postgres.restart()
    with catalog.look() as connection:
        assert connection.scalars(select(col(Source.name))).all() == ["wiki"]
    own_postgres.restart()
    assert names(catalog) == ["wiki"]
    own_postgres.restart()
    with catalog.write() as session:
        session.add(Source(name="mail"))
    assert names(catalog) == ["mail", "wiki"]


def test_while_the_server_is_down_every_call_says_so(catalog: Catalog, own_postgres: OwnServer) -> None:
    with catalog.look() as connection:
        connection.execute(select(Source)).all()
    own_postgres.stop()
    try:
        with pytest.raises(CatalogUnavailableError, match="cannot be reached"):
            looked(catalog)
        with pytest.raises(CatalogUnavailableError, match="cannot be reached"):
            names(catalog)
        with pytest.raises(CatalogUnavailableError, match="cannot be reached"), catalog.write() as session:
            session.add(Source(name="wiki"))
    finally:
        own_postgres.start()
    assert looked(catalog) == []


def test_a_crash_of_the_server_loses_no_connection_for_good(
    catalog: Catalog, own_postgres: OwnServer
) -> None:
    with catalog.look() as connection:
        connection.execute(select(Source)).all()
    own_postgres.stop(signal.SIGQUIT)
    own_postgres.start()
    assert looked(catalog) == []


def test_a_look_whose_connection_is_lost_midway_is_taken_once_more(
    catalog: Catalog, postgres: Server, postgres_url: str
) -> None:
    servers: list[int] = []

    def find() -> list[str]:
        with catalog.look() as connection:
            servers.append(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            if len(servers) == 1:
                postgres.end_connections(postgres_url)
            return list(connection.scalars(select(col(Source.name))))

    assert catalog.once_more(find) == []
    assert len(set(servers)) == 2


def test_a_look_that_is_lost_twice_is_an_error(catalog: Catalog, postgres: Server, postgres_url: str) -> None:
    def find() -> list[str]:
        with catalog.look() as connection:
            postgres.end_connections(postgres_url)
            return list(connection.scalars(select(col(Source.name))))

    with pytest.raises(CatalogUnavailableError, match="was lost"):
        catalog.once_more(find)


def test_a_reader_waits_no_longer_than_a_writer_for_a_locked_table(
    catalog: Catalog, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    reader = Catalog.open(postgres_url, migrate=False)
    with catalog.write() as session:
        session.execute(text("LOCK TABLE source IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(CatalogBusyError):
            names(reader)
    assert names(reader) == []
    reader.close()


def test_options_in_the_url_have_the_last_word(postgres_url: str) -> None:
    query = {"options": "-c lock_timeout=7", "application_name": "reports"}
    url = make_url(postgres_url).update_query_dict(query).render_as_string(hide_password=False)
    catalog = Catalog.open(url, migrate=True)
    with catalog.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "7ms"
        assert connection.scalar(text("SHOW application_name")) == "reports"
        assert connection.scalar(text("SHOW tcp_keepalives_idle")) == "60"
    catalog.close()


def test_no_text_of_a_document_is_in_an_error_of_a_statement(catalog: Catalog) -> None:
    with pytest.raises(DBAPIError, match="duplicate key") as caught, catalog.write() as session:  # noqa: PT012
        statement = text("INSERT INTO source (name, incident) VALUES ('wiki', :words)")
        session.execute(statement, {"words": "the merger plan"})
        session.execute(statement, {"words": "the merger plan"})
    assert "merger" not in str(caught.value)
