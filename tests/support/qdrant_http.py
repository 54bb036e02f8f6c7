"""A Qdrant server for tests: its REST interface on loopback, the client's engine behind it, and faults on order.

It reads requests with the client's models and runs them on ``QdrantClient(":memory:")``: what the adapter sends
travels over a real connection, and comes back as a server would say it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from qdrant_client import QdrantClient, models

KEY = "a-key-that-nobody-may-read"
POINTS = "/points/batch"


class Fault(Enum):
    """What happens to one request instead of an answer."""

    BUSY = auto()
    """429, with a second to wait."""
    BUSY_UNTIL_A_DATE = auto()
    """429, with a date to wait for."""
    BUSY_FOR_AN_HOUR = auto()
    BROKEN = auto()
    """500; nothing is done."""
    HANGS = auto()
    """Nothing is done, and no answer comes."""
    HALF = auto()
    """Half of what a batch writes is written, then 500."""
    LOST = auto()
    """Everything is done, and the connection breaks."""
    UNAPPLIED = auto()
    """Acknowledged and not done."""
    REFUSED = auto()
    """400, with the request in the answer."""
    NOT_QDRANT = auto()
    """200, with a page of some other server."""
    OLD = auto()
    """The server says that it is of release 1.18.2."""


@dataclass(slots=True)
class Order:
    """A fault, and the requests that are to meet it."""

    on: re.Pattern[str]
    fault: Fault
    after: int
    times: int


class QdrantHttp:
    """Use it as a context. ``order`` says what goes wrong, with which requests, and how often."""

    def __init__(self) -> None:
        self.engine = QdrantClient(":memory:")
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._ordered: list[Order] = []
        self._released = threading.Event()
        self._clients: dict[tuple[int, str], QdrantClient] = {}
        self._start(0)

    def __enter__(self) -> QdrantHttp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        for client in self._clients.values():
            client.close()
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def client(self, *, timeout: int = 10, key: str = KEY) -> QdrantClient:
        """A client as the composition builds it; the same one for the same wishes."""
        if (timeout, key) not in self._clients:
            self._clients[timeout, key] = QdrantClient(
                url=self.url,
                headers={"api-key": key},
                timeout=timeout,
                prefer_grpc=False,
                check_compatibility=False,
            )
        return self._clients[timeout, key]

    def order(self, fault: Fault, *, on: str = POINTS, after: int = 0, times: int = 1) -> None:
        """Of the requests whose ``METHOD /path`` has ``on`` in it, the ``times`` that follow the first ``after``
        meet this fault."""
        self._ordered.append(Order(re.compile(on), fault, after, times))

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self._ordered.clear()

    def stop(self) -> None:
        """From now on connections are refused; what is held is kept."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def start_again(self) -> None:
        """Listens at the same address as before."""
        self._start(self._port)

    def answer(
        self, method: str, path: str, key: str | None, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; status 0 breaks the connection off."""
        request = f"{method} {path}"
        self.requests.append(request)
        if key != KEY:
            return self._said(401, "Must provide an API key or an Authorization bearer token")
        fault = self._fault(request)
        match fault:
            case Fault.BUSY:
                return 429, {"Retry-After": "1"}, b"{}"
            case Fault.BUSY_UNTIL_A_DATE:
                return 429, {"Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}, b"{}"
            case Fault.BUSY_FOR_AN_HOUR:
                return 429, {"Retry-After": "3600"}, b"{}"
            case Fault.BROKEN:
                return self._said(500, "Service internal error")
            case Fault.REFUSED:
                return self._said(400, f"Format error in JSON body: {body.decode()}")
            case Fault.NOT_QDRANT:
                return 200, {}, b"<html>Welcome to nginx!</html>"
            case Fault.HANGS:
                self._released.wait(60)
                return 0, {}, b""
            case Fault.HALF:
                self._run(method, path, _halved(body))
                return self._said(500, "Service internal error")
            case Fault.LOST:
                self._run(method, path, body)
                return 0, {}, b""
            case Fault.UNAPPLIED:
                unapplied = [models.UpdateResult(operation_id=0, status=models.UpdateStatus.ACKNOWLEDGED)]
                return 200, {}, _result(unapplied)
            case Fault.OLD:
                return 200, {}, b'{"title": "qdrant - vector search engine", "version": "1.18.2"}'
        try:
            return 200, {}, self._run(method, path, body)
        except ValueError as error:
            missing = "not found" in str(error)
            return self._said(404 if missing else 400, str(error))

    def _fault(self, request: str) -> Fault | None:
        with self._lock:
            for order in self._ordered:
                if order.times and order.on.search(request):
                    if order.after:
                        order.after -= 1
                    else:
                        order.times -= 1
                        return order.fault
        return None

    def _run(self, method: str, path: str, body: bytes) -> bytes:
        if path == "/":
            return self.engine.info().model_dump_json().encode()
        for kind, pattern, action in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and kind == method:
                with self._lock:  # the engine of the client is made for one thread
                    return _result(action(self.engine, *found.groups(), body))
        raise AssertionError(f"the adapter uses {method} {path}, which this server has not")

    def _said(self, status: int, error: str) -> tuple[int, dict[str, str], bytes]:
        return status, {}, json.dumps({"status": {"error": error}, "time": 0.0}).encode()

    def _start(self, port: int) -> None:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                status, headers, answer = served.answer(self.command, path, self.headers.get("api-key"), body)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815  # names that http.server looks for

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()


def _exists(engine: QdrantClient, name: str, body: bytes) -> object:
    return models.CollectionExistence(exists=engine.collection_exists(name))


def _create(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.CreateCollection.model_validate_json(body)
    return engine.create_collection(
        name, vectors_config=asked.vectors or {}, sparse_vectors_config=asked.sparse_vectors
    )


def _delete(engine: QdrantClient, name: str, body: bytes) -> object:
    return engine.delete_collection(name)


def _describe(engine: QdrantClient, name: str, body: bytes) -> object:
    return engine.get_collection(name)


def _list(engine: QdrantClient, body: bytes) -> object:
    return engine.get_collections()


def _index(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.CreateFieldIndex.model_validate_json(body)
    return engine.create_payload_index(name, asked.field_name, asked.field_schema)


def _update(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.UpdateOperations.model_validate_json(body)
    return engine.batch_update_points(name, asked.operations)


def _count(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.CountRequest.model_validate_json(body)
    return engine.count(name, asked.filter, exact=asked.exact is not False)


def _scroll(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.ScrollRequest.model_validate_json(body)
    points, offset = engine.scroll(
        name,
        asked.filter,
        limit=asked.limit or 10,
        offset=asked.offset,
        with_payload=asked.with_payload is not False,
        with_vectors=bool(asked.with_vector),
    )
    return models.ScrollResult(points=points, next_page_offset=offset)


def _retrieve(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.PointRequest.model_validate_json(body)
    return engine.retrieve(name, asked.ids, with_payload=False, with_vectors=asked.with_vector or False)


def _query(engine: QdrantClient, name: str, body: bytes) -> object:
    asked = models.QueryRequestBatch.model_validate_json(body)
    return engine.query_batch_points(name, asked.searches)


ROUTES: list[tuple[str, str, Callable[..., object]]] = [
    ("GET", "/collections", _list),
    ("GET", "/collections/([^/]+)/exists", _exists),
    ("GET", "/collections/([^/]+)", _describe),
    ("PUT", "/collections/([^/]+)", _create),
    ("DELETE", "/collections/([^/]+)", _delete),
    ("PUT", "/collections/([^/]+)/index", _index),
    ("POST", "/collections/([^/]+)/points", _retrieve),
    ("POST", "/collections/([^/]+)/points/batch", _update),
    ("POST", "/collections/([^/]+)/points/count", _count),
    ("POST", "/collections/([^/]+)/points/scroll", _scroll),
    ("POST", "/collections/([^/]+)/points/query/batch", _query),
]


def _halved(body: bytes) -> bytes:
    """The first operation, and of what is written the first half."""
    asked = models.UpdateOperations.model_validate_json(body)
    for operation in asked.operations:
        if isinstance(operation, models.UpsertOperation) and isinstance(operation.upsert, models.PointsList):
            operation.upsert.points = operation.upsert.points[: len(operation.upsert.points) // 2]
    return asked.model_dump_json(exclude_none=True).encode()


def _result(result: object) -> bytes:
    plain: object = to_jsonable_python(result, by_alias=True) if isinstance(result, BaseModel) else result
    return json.dumps({"result": to_jsonable_python(plain), "status": "ok", "time": 0.0}).encode()
