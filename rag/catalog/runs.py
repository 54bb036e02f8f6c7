"""The record of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rag.catalog.catalog import Catalog
from rag.catalog.columns import utcnow
from rag.catalog.tables import Run


class RunRecord:
    """What a run says of itself while it goes on; written when it ends, whichever way."""

    def __init__(self) -> None:
        self.state = "completed"
        self.version: int | None = None
        self.summary: Mapping[str, Any] = {}


@contextmanager
def recorded_run(catalog: Catalog, kind: str) -> Iterator[RunRecord]:
    """Keeps a row for what happens inside. An exception is recorded as failed and goes on its way."""
    with catalog.write() as session:
        row = Run(kind=kind, state="running")
        session.add(row)
        session.flush()
        id = row.id
    record = RunRecord()
    error: str | None = None
    try:
        yield record
    except BaseException as raised:
        record.state = "failed"
        error = f"{type(raised).__name__}: {raised}"
        raise
    finally:
        with catalog.write() as session:
            ended = session.get_one(Run, id)
            ended.state, ended.version, ended.error = record.state, record.version, error
            ended.summary, ended.finished_at = dict(record.summary), utcnow()
