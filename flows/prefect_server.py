"""Prefect's own command, for the server that ``lockgate up`` starts: one whose schedules make runs.

Prefect 3.8 inserts the runs of a schedule as mappings in which the column-less key ``state`` is meant to be passed
over. SQLAlchemy 2.0 does that; 2.1 asks the property of that name, which says nothing, and no run is ever made.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from prefect.cli import app
from prefect.server.database.orm_models import FlowRun


def teach_state_to_be_passed_over() -> None:
    """Gives the property its answer; under SQLAlchemy 2.0 there is nothing to do."""
    in_place = FlowRun.__dict__["state"].inplace
    if hasattr(in_place, "bulk_dml"):
        in_place.bulk_dml(_passed_over)


def _passed_over(_kind: type[FlowRun], mapping: MutableMapping[str, Any], _value: object) -> None:
    del mapping["state"]


if __name__ == "__main__":
    teach_state_to_be_passed_over()
    app()
