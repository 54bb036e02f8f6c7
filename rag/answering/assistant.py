"""What the application asks: answers as the promoted release gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from os import PathLike
from types import TracebackType
from typing import Protocol

from rag.answering.answer import Answer
from rag.answering.answerer import Answerer
from rag.answering.setup import AnsweringSetup
from rag.catalog import Catalog
from rag.errors import ReleaseError
from rag.retrieval.reads import moment, served_by

_LOOKS = 5
"""A promotion between looking up the release and the search makes it look again."""


class _Closes(Protocol):
    def close(self) -> None: ...


class Assistant:
    """Answers with the prompt, the model and the index of the promoted release. Safe to share between threads.

    ``answerer_of`` makes the answerer of a setup; without one the configured setup counts. Use ``open``.
    """

    def __init__(
        self,
        catalog: Catalog,
        answerer_of: Callable[[AnsweringSetup | None], Answerer],
        *,
        closing: _Closes,
    ) -> None:
        self._catalog = catalog
        self._answerer_of = answerer_of
        self._made: dict[int, Answerer] = {}
        self._closing = closing

    @classmethod
    def open(
        cls, config: str | PathLike[str] = "lockgate.yaml", *, application: str | None = None
    ) -> Assistant:
        """An assistant for the project of this ``lockgate.yaml``; close it, or use it in a ``with``.

        ``application`` is what the access log calls the program that asks. Raises ``ConfigurationError`` or
        ``CatalogError``.
        """
        from rag.composition import open_assistant  # the composition root knows this class

        return open_assistant(config, application=application)

    def ask(
        self,
        question: str,
        *,
        principal: str | None = None,
        token: str | None = None,
        version: int | None = None,
    ) -> Answer:
        """An answer from what ``principal``, or whom ``token`` proves, may read, or a refusal.

        Another ``version`` than the promoted one is answered from as configured. Raises what ``Retriever.search``
        raises, and ``ModelError`` where the model gave nothing usable.
        """
        if version is not None:
            return self._answerer_of(None).ask(question, principal=principal, token=token, version=version)
        release, answerer = self._promoted()
        for _ in range(_LOOKS):
            answer = answerer.ask(question, principal=principal, token=token)
            before, (release, answerer) = release, self._promoted()
            if release == before:
                return answer
        raise ReleaseError(
            "what is promoted changed all the time while this was answered", next_step="Ask again"
        )

    async def aask(
        self,
        question: str,
        *,
        principal: str | None = None,
        token: str | None = None,
        version: int | None = None,
    ) -> Answer:
        """``ask`` for asyncio: the work is done in a thread, the loop stays free."""
        return await asyncio.to_thread(
            partial(self.ask, question, principal=principal, token=token, version=version)
        )

    def close(self) -> None:
        """Closes what was opened with it."""
        self._closing.close()

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _promoted(self) -> tuple[int, Answerer]:
        """The id of the promoted release, and what answers by it."""
        with self._catalog.look() as connection:
            release = moment(connection).release
            if release is None:
                raise ReleaseError(
                    "nothing is promoted yet, so there is nothing to answer from",
                    next_step="Run lockgate run first.",
                )
            known = self._made.get(release)
            if known is None:
                setup = AnsweringSetup.of(served_by(connection, release).settings.get("answering"))
                known = self._made[release] = self._answerer_of(setup)
        return release, known
