"""What the gate says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Outcome = Literal["pass", "hold", "block"]
Decision = Literal["promote", "hold", "block"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: ``figure`` is what was found in a few words, ``numbers`` the same for machines.

    ``sentence`` is for a person when it did not pass; empty when another check's sentence already says it.
    """

    name: str
    outcome: Outcome
    figure: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    sentence: str = ""

    @property
    def passed(self) -> bool:
        """Whether it stands in the way of nothing."""
        return self.outcome == "pass"


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence behind the decision, and the check it comes from (``summary`` for a promotion)."""

    check: str
    outcome: Outcome
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, its reasons (blocking ones first) and every check, passed ones too, in a fixed order."""

    decision: Decision
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values, for the ledger of decisions."""
        return {
            "decision": self.decision,
            "reasons": [asdict(reason) for reason in self.reasons],
            "checks": [
                {
                    "name": check.name,
                    "passed": check.passed,
                    "outcome": check.outcome,
                    "figure": check.figure,
                    "numbers": dict(check.numbers),
                }
                for check in self.checks
            ],
        }
