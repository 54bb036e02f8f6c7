"""Asynchronous work for a caller who is not, whether or not an event loop runs in the caller's thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_apart(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Runs ``work()`` in an event loop and a thread of its own, and gives what it returns or raises.

    The caller goes on as soon as that is known: what cannot be cancelled (a look-up of a host's name) ends by
    itself later. A caller who is interrupted meanwhile cancels the work.
    """
    outcome: Future[Result] = Future()
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        started.append((asyncio.get_running_loop(), task))
        try:
            outcome.set_result(await work())
        except BaseException as error:  # noqa: BLE001  the caller's thread raises it
            outcome.set_exception(error)

    threading.Thread(target=lambda: asyncio.run(main()), name="lockgate-apart", daemon=True).start()
    try:
        return outcome.result()
    except BaseException:
        for loop, task in started:
            if not outcome.done():
                loop.call_soon_threadsafe(task.cancel)
        raise
