"""Every call to a Qdrant server: tried again where that may help, and its failures in our words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import httpx
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from rag.errors import IndexMissingError, IndexStoreError, IndexUnavailableError

T = TypeVar("T")
Quantization = Literal["none", "scalar", "binary"]
UNTOUCHED = "Nothing was sealed; the promoted version is untouched"
FINISHED_LATER = "What is left undone is finished by the next lockgate ingest"
_LONGEST_PAUSE_SECONDS = 30.0
_READ_TRIES = 2
_READ_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the server is used; ``QdrantIndex`` in the settings says what each means and may be."""

    address: str = ""
    """The server as errors name it: a URL without a key."""
    batch_size: int = 256
    attempts: int = 5
    shards: int = 1
    replicas: int = 1
    write_consistency: int = 1
    quantization: Quantization = "none"
    on_disk: bool = False


class _UnfinishedError(Exception):
    """The server took an update and has not applied it."""


class Wire:
    """One client and how patiently it is used. Safe to share between threads, as the client is."""

    def __init__(self, client: QdrantClient, options: ServerOptions) -> None:
        self._client, self.options = client, options

    def read(self, doing: str, action: Callable[[QdrantClient], T]) -> T:
        """For a reader who waits: a second try at once, then an error."""
        return self._tried(doing, action, "Nothing was changed", _READ_TRIES, _READ_PAUSE_SECONDS / 2, 0.0)

    def ask(self, doing: str, action: Callable[[QdrantClient], T], *, state: str = UNTOUCHED) -> T:
        """For the writer: tried ``attempts`` times. ``action`` must be one that may be done twice."""
        return self._tried(doing, action, state, self.options.attempts, 0.25, _LONGEST_PAUSE_SECONDS)

    def update(
        self,
        doing: str,
        collection: str,
        operations: Sequence[models.UpdateOperation],
        *,
        state: str = UNTOUCHED,
    ) -> None:
        """Applies all operations, in order. Each must be one that may be done twice: a batch that may have been
        applied by half is sent again whole."""

        def action(client: QdrantClient) -> None:
            results = client.batch_update_points(
                collection, operations, wait=True, ordering=models.WriteOrdering.STRONG
            )
            if any(result.status is not models.UpdateStatus.COMPLETED for result in results):
                raise _UnfinishedError

        self.ask(doing, action, state=state)

    def _tried(
        self,
        doing: str,
        action: Callable[[QdrantClient], T],
        state: str,
        attempts: int,
        pause: float,
        longest_asked_pause: float,
    ) -> T:
        for left in range(attempts - 1, -1, -1):
            try:
                return action(self._client)
            except (ApiException, QdrantException, _UnfinishedError, ValueError) as caught:
                error, asked = self._translated(caught, doing, state)
                if (
                    not isinstance(error, IndexUnavailableError)
                    or not left
                    or asked > longest_asked_pause > 0
                ):
                    # Not chained: what the client raises holds the server's answer, and that may hold payload.
                    raise error from None
            # Half of the pause is by chance, so that clients that failed together do not return together.
            waited = min(pause, _LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1)
            time.sleep(max(waited, min(asked, longest_asked_pause)))
            pause *= 2
        raise AssertionError("at least one attempt is made")

    def _translated(self, caught: Exception, doing: str, state: str) -> tuple[IndexStoreError, float]:
        """Our error, and for how many seconds the server asked us to wait."""
        reason, kind, asked, next_step = _judged(caught)
        what = f"{doing} failed: {reason}"
        return kind(what, where=self.options.address, state=state, next_step=next_step), asked


def _judged(caught: Exception) -> tuple[str, type[IndexStoreError], float, str]:
    later = "See that the Qdrant server runs and can be reached, then do it again"
    if isinstance(caught, ResourceExhaustedResponse):
        busy = "the server has too much to do (429)"
        return busy, IndexUnavailableError, float(max(caught.retry_after_s, 0)), later
    if isinstance(caught, QdrantException):
        # The client could not read Retry-After, which only comes with this status.
        return "the server has too much to do (429)", IndexUnavailableError, 0.0, later
    if isinstance(caught, _UnfinishedError):
        return "the server took the change and has not applied it", IndexUnavailableError, 0.0, later
    if isinstance(caught, ResponseHandlingException):
        source = caught.source
        if isinstance(source, httpx.TimeoutException):
            return "the server did not answer in time", IndexUnavailableError, 0.0, later
        if isinstance(source, httpx.TransportError):
            return (
                f"the server cannot be reached ({type(source).__name__})",
                IndexUnavailableError,
                0.0,
                later,
            )
    if isinstance(caught, UnexpectedResponse) and caught.status_code is not None:
        return _judged_status(caught.status_code, later)
    strange = "See that the URL is that of a Qdrant server, and of a release that this one knows"
    return f"the answer is not one of Qdrant's ({type(caught).__name__})", IndexStoreError, 0.0, strange


def _judged_status(status: int, later: str) -> tuple[str, type[IndexStoreError], float, str]:
    if status in (401, 403):
        key = "Set index.api_key in lockgate.yaml to a key that may write, as ${ENV_VAR}"
        return f"the server refuses the key, or wants one ({status})", IndexStoreError, 0.0, key
    if status == 404:
        rebuild = "Run lockgate ingest --rebuild, or lockgate rollback"
        return "the collection is not there (404)", IndexMissingError, 0.0, rebuild
    if status in (408, 429) or status >= 500:
        return f"the server cannot do it just now ({status})", IndexUnavailableError, 0.0, later
    return f"the server refuses it ({status})", IndexStoreError, 0.0, "See the log of the Qdrant server"
