"""Events as the session's Prefect server has them."""

from __future__ import annotations

import os
import time
from typing import Any

from tests.flows.served import call


def events(name: str, *, seconds: float = 60) -> list[dict[str, Any]]:
    """The events of that name, waited for until there is one: the server writes them down in batches."""
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=10)
    until = time.monotonic() + seconds
    body = {"filter": {"event": {"name": [name]}}}
    while time.monotonic() < until:
        found: list[dict[str, Any]] = call(f"{os.environ['PREFECT_API_URL']}/events/filter", body)["events"]
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no event {name} within {seconds} s")
