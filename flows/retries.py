"""What is worth trying again: errors of ours that say so, and nothing else."""

from __future__ import annotations

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import get_state_exception

from rag.errors import TransientError

ATTEMPTS = 3
DELAYS_SECONDS = [2.0, 10.0, 30.0]


async def if_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Prefect's ``retry_condition_fn``: retries ask what the error is, never what it says."""
    error = get_state_exception(state)
    if not isinstance(error, BaseException):
        error = await error
    return isinstance(error, TransientError)
