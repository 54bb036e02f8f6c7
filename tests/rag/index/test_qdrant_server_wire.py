"""A server that is slow, busy, broken or gone: nothing is lost or doubled, and the error says what to do."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.composition import index_store
from rag.errors import IndexStoreError, IndexUnavailableError, LockgateError, TransientError
from rag.index import IndexQuery, IndexStore
from rag.index.qdrant_server import QdrantServerStore, ServerOptions
from rag.settings import load_settings
from tests.rag.index.contract import ALL, ids, point, sealed, unit
from tests.support.qdrant_http import KEY, POINTS, Fault, QdrantHttp

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
PASSING = [
    Fault.BROKEN,
    Fault.HALF,
    Fault.LOST,
    Fault.UNAPPLIED,
    Fault.BUSY,
    Fault.BUSY_UNTIL_A_DATE,
    Fault.HANGS,
]
FOR_EVER = 1_000_000
WRONG_KEY = "another-key-that-nobody-may-read"


@pytest.fixture
def server() -> Iterator[QdrantHttp]:
    with QdrantHttp() as server:
        yield server


def store(server: QdrantHttp, *, attempts: int = 3, timeout: int = 10, key: str = KEY) -> QdrantServerStore:
    options = ServerOptions(address=server.url, batch_size=2, attempts=attempts)
    return QdrantServerStore(server.client(timeout=timeout, key=key), prefix="p", options=options)


def beside(server: QdrantHttp) -> QdrantServerStore:
    """A store on what the server holds, past the wire."""
    return QdrantServerStore(server.engine, prefix="p")


def first(store: IndexStore) -> None:
    """Version 1: the points 1 to 3."""
    sealed(store, 1, [point(id) for id in (1, 2, 3)], expected=3).close()


def second(store: IndexStore) -> None:
    """Version 2: the points 2 to 7, of which 3 is written anew."""
    builder = store.build(2, dimension=4, base=1)
    try:
        builder.delete([1])
        builder.upsert([point(id, rule=1) for id in (3, 4, 5, 6, 7)])
        builder.seal(expected_points=6)
    finally:
        builder.abandon()


def assert_first(store: IndexStore) -> None:
    store.verify(1)
    assert ids(store.open(1)) == [1, 2, 3]


def assert_both(store: IndexStore) -> None:
    assert store.sealed() == [1, 2]
    assert_first(store)
    store.verify(2)
    assert ids(store.open(2)) == [2, 3, 4, 5, 6, 7]


def assert_tells_no_secret(error: LockgateError) -> None:
    told = "".join(traceback.format_exception(error))
    assert KEY not in told
    assert "document_id" not in told


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("after", [0, 2])
def test_a_build_meets_a_fault_and_seals_with_nothing_doubled_or_lost(
    server: QdrantHttp, fault: Fault, after: int
) -> None:
    first(store(server))
    server.order(fault, after=after)
    second(store(server, timeout=1))
    assert_both(store(server))


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.LOST])
def test_a_fault_at_any_request_of_all_changes_no_outcome(fault: Fault) -> None:
    after = 0
    while True:
        with QdrantHttp() as server:
            first(beside(server))
            server.order(fault, on=".", after=after)
            second(store(server))
            assert_both(beside(server))
            if after >= len(server.requests):
                break
        after += 1
    assert after > 12


@pytest.mark.parametrize(
    "fault",
    [*PASSING, Fault.REFUSED, Fault.BUSY_FOR_AN_HOUR, Fault.NOT_QDRANT],
)
def test_a_fault_that_lasts_is_told_and_the_promoted_version_still_answers(
    server: QdrantHttp, fault: Fault
) -> None:
    first(store(server))
    server.order(fault, times=FOR_EVER)
    with pytest.raises(IndexStoreError) as caught:
        second(store(server, attempts=2, timeout=1))
    error = caught.value
    assert isinstance(error, TransientError) == (fault not in (Fault.REFUSED, Fault.NOT_QDRANT))
    assert error.where == server.url
    assert error.state == "Nothing was sealed; the promoted version is untouched"
    assert error.next_step
    assert_tells_no_secret(error)
    assert store(server).sealed() == [1]
    assert_first(store(server))
    server.heal()
    second(store(server))
    assert_both(store(server))
    assert store(server).tidy() == []


def test_a_fault_that_lasts_is_asked_as_often_as_the_settings_say(server: QdrantHttp) -> None:
    first(store(server))
    reader = store(server).open(1)
    server.order(Fault.BROKEN, on=POINTS, times=FOR_EVER)
    server.order(Fault.BROKEN, on="query", times=FOR_EVER)
    server.requests.clear()
    with pytest.raises(IndexUnavailableError, match=r"taking a version away|list of versions failed: .*500"):
        store(server, attempts=3).build(2, dimension=4, base=1)
    assert sum(POINTS in request for request in server.requests) == 3
    server.requests.clear()
    with pytest.raises(IndexUnavailableError, match="searching failed"):
        ids(reader)
    assert len(server.requests) == 2
    server.heal()
    assert ids(reader) == [1, 2, 3]


def test_a_server_that_is_gone_is_told_and_answers_again_when_it_is_back(server: QdrantHttp) -> None:
    first(store(server))
    reader = store(server).open(1)
    builder = store(server, attempts=2).build(2, dimension=4, base=1)
    server.stop()
    calls: list[Callable[[], object]] = [
        lambda: ids(reader),
        lambda: builder.upsert([point(4)]),
        lambda: store(server, attempts=2).sealed(),
        lambda: store(server, attempts=2).tidy(),
    ]
    for call in calls:
        with pytest.raises(IndexUnavailableError, match="cannot be reached") as caught:
            call()
        assert server.url in str(caught.value)
        assert_tells_no_secret(caught.value)
    builder.abandon()
    server.start_again()
    assert ids(reader) == [1, 2, 3]
    second(store(server))
    assert_both(store(server))


def test_a_wrong_key_is_told_without_the_key(server: QdrantHttp) -> None:
    with pytest.raises(IndexStoreError, match="refuses the key") as caught:
        store(server, key=WRONG_KEY).sealed()
    assert "index.api_key" in caught.value.next_step
    assert WRONG_KEY not in "".join(traceback.format_exception(caught.value))
    assert not isinstance(caught.value, TransientError)
    assert len(server.requests) == 1


def test_a_server_too_old_to_keep_hidden_text_out_of_scores_is_refused(server: QdrantHttp) -> None:
    first(store(server))
    server.order(Fault.OLD, on="GET /$", times=FOR_EVER)
    for call in (lambda: store(server).open(1), lambda: store(server).build(2, dimension=4, base=1)):
        with pytest.raises(IndexStoreError, match=r"1\.18\.2") as caught:
            call()
        assert "1.19" in caught.value.next_step


def test_what_is_not_a_qdrant_server_is_told(server: QdrantHttp) -> None:
    server.order(Fault.NOT_QDRANT, on="GET /$")
    with pytest.raises(IndexStoreError, match="not one of Qdrant's"):
        store(server).build(1, dimension=4, base=None)


def test_a_seal_whose_answer_is_lost_leaves_a_version_that_is_whole(server: QdrantHttp) -> None:
    first(store(server))
    builder = store(server, attempts=1).build(2, dimension=4, base=1)
    builder.upsert([point(4)])
    server.order(Fault.LOST, on="p-versions/points/batch")
    with pytest.raises(IndexUnavailableError, match="is not known"):
        builder.seal(expected_points=4)
    builder.abandon()
    assert store(server).sealed() == [1, 2]
    store(server).verify(2)
    assert ids(store(server).open(2)) == [1, 2, 3, 4]


def dying(server: QdrantHttp, after: int, *, applied: bool) -> QdrantServerStore:
    """A store whose process dies at a request: that one is ``applied`` or not, and no other follows."""
    if applied:
        server.order(Fault.LOST, on=".", after=after)
    server.order(Fault.BROKEN, on=".", after=after, times=FOR_EVER)
    return store(server, attempts=1)


def at_every_request(
    work: Callable[[QdrantServerStore], None], check: Callable[[QdrantServerStore], None]
) -> int:
    """Lets ``work`` die at its first request, its second and so on, and checks what a new process finds."""
    for applied in (True, False):
        after = 0
        while True:
            with QdrantHttp() as server:
                first(beside(server))
                second(beside(server))
                try:
                    work(dying(server, after, applied=applied))
                except IndexUnavailableError:
                    died = True
                else:
                    died = False
                server.heal()
                check(beside(server))
                assert beside(server).tidy() == []
            if not died:
                break
            after += 1
    return after


def third(store: IndexStore) -> None:
    builder = store.build(3, dimension=4, base=2)
    builder.delete([3])
    builder.upsert([point(1), point(8), point(9)])
    builder.seal(expected_points=8)


def test_a_build_that_dies_at_any_request_is_done_by_the_next_run() -> None:
    def check(store: QdrantServerStore) -> None:
        assert store.sealed() in ([1, 2], [1, 2, 3])
        assert_first(store)
        store.drop(3)
        assert_both(store)
        third(store)
        store.verify(3)
        assert ids(store.open(3)) == [1, 2, 4, 5, 6, 7, 8, 9]
        assert ids(store.open(2)) == [2, 3, 4, 5, 6, 7]

    assert at_every_request(third, check) > 8


def test_a_build_on_an_older_base_that_dies_at_any_request_is_done_by_the_next_run() -> None:
    def build(store: QdrantServerStore) -> None:
        builder = store.build(3, dimension=4, base=1)
        builder.delete([1])
        builder.upsert([point(8)])
        builder.seal(expected_points=3)

    def check(store: QdrantServerStore) -> None:
        store.drop(3)
        assert_both(store)
        build(store)
        assert ids(store.open(3)) == [2, 3, 8]
        store.drop(3)
        assert_both(store)

    assert at_every_request(build, check) > 8


def test_a_first_build_that_dies_at_any_request_leaves_nothing() -> None:
    def build(store: QdrantServerStore) -> None:
        sealed(store, 3, [point(1)], expected=1)

    def check(store: QdrantServerStore) -> None:
        store.drop(3)
        assert_both(store)
        assert ids(sealed(store, 3, [point(5)], expected=1)) == [5]
        assert_first(store)

    assert at_every_request(build, check) > 8


@pytest.mark.parametrize(("version", "other", "expected"), [(1, 2, [2, 3, 4, 5, 6, 7]), (2, 1, [1, 2, 3])])
def test_a_drop_that_dies_at_any_request_is_finished_later(
    version: int, other: int, expected: list[int]
) -> None:
    def check(store: QdrantServerStore) -> None:
        assert other in store.sealed()
        store.verify(other)
        assert ids(store.open(other)) == expected
        store.drop(version)
        assert store.sealed() == [other]
        store.verify(other)
        following = sealed(store, 3, [point(9)], expected=len(expected) + 1, base=other)
        assert ids(following) == [*expected, 9]

    assert at_every_request(lambda store: store.drop(version), check) > 4


def test_an_erasure_that_dies_at_any_request_leaves_every_version_open_and_is_finished_later() -> None:
    def check(store: QdrantServerStore) -> None:
        for version in (1, 2):
            store.verify(version)
            reader = store.open(version)
            assert reader.points == len(ids(reader))
        store.erase([3, 5])
        assert ids(store.open(1)) == [1, 2]
        assert ids(store.open(2)) == [2, 4, 6, 7]
        store.verify(1)
        store.verify(2)

    assert at_every_request(lambda store: store.erase([3, 5]), check) > 4


def test_a_loading_that_dies_at_any_request_is_made_whole_by_another(tmp_path: Path) -> None:
    with QdrantHttp() as server:
        first(store(server))
        second(store(server))
        store(server).copy_to(tmp_path, [1, 2])

    after, died = 0, True
    while died:
        with QdrantHttp() as server:
            try:
                dying(server, after, applied=True).load_from(tmp_path)
            except IndexUnavailableError:
                pass
            else:
                died = False
            server.heal()
            if not beside(server).sealed():
                beside(server).tidy()
                beside(server).load_from(tmp_path)
            assert_both(beside(server))
        after += 1
    assert after > 8


def test_the_store_of_the_settings_connects_at_its_first_call_and_shows_its_key_to_the_server_alone(
    server: QdrantHttp, tmp_path: Path
) -> None:
    config = tmp_path / "lockgate.yaml"
    config.write_text(
        f"project: acme docs\nindex: {{store: qdrant, url: '{server.url}', api_key: '${{THE_KEY}}', attempts: 1}}\n"
        "sources: [{name: pages, connector: filesystem}]\n"
    )
    store = index_store(load_settings(config, environ={"THE_KEY": KEY}))
    assert server.requests == []
    sealed(store, 1, [point(1)], expected=1).close()
    assert store.sealed() == [1]
    names = {collection.name for collection in server.engine.get_collections().collections}
    assert names == {"lockgate-acme-docs-828c60a8-versions", "lockgate-acme-docs-828c60a8-g1"}
    server.stop()
    with pytest.raises(IndexUnavailableError) as caught:
        store.sealed()
    server.start_again()
    assert caught.value.where == server.url
    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(vars(store))


def test_a_search_asks_once_however_many_vectors_it_has(server: QdrantHttp) -> None:
    first(store(server))
    reader = store(server).open(1)
    server.requests.clear()
    reader.query(IndexQuery(ALL, limit=3, dense=unit(1, 0, 0, 0), sparse=point(1).sparse))
    assert server.requests == ["POST /collections/p-g1/points/query/batch"]
