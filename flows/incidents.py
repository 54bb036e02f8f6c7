"""What went wrong in a part of a run, while the rest of it was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.errors import DeletionsHeldError, LockgateError


class IncidentError(LockgateError):
    """Some sources or directories could not be used; the others were. ``summary`` says what was done."""

    def __init__(self, incidents: Sequence[LockgateError], summary: dict[str, Any]) -> None:
        super().__init__(" ".join(str(incident) for incident in incidents))
        self.incidents = incidents
        self.summary = summary
        held = all(incident.exit_code == DeletionsHeldError.exit_code for incident in incidents)
        self.exit_code = DeletionsHeldError.exit_code if held else LockgateError.exit_code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.incidents, self.summary)
