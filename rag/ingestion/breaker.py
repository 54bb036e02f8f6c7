"""The deletion breaker: a source that suddenly lacks many documents has an incident, until a person says not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from rag.errors import DeletionsHeldError, SourceEmptiedError, SourceError
from rag.releases import ledger
from rag.releases.ledger import Entry


@dataclass(frozen=True, slots=True)
class Breaker:
    """How many documents a source may lose at once.

    ``max_share``, from 0 to 1, is of those that it has in the catalog. ``accepted`` is the number whose loss a
    person has confirmed, as an earlier listing was held for it; no more than that passes. ``by`` is that person.
    """

    max_share: float = 0.2
    accepted: int = 0
    by: str | None = None

    def objection(self, source: str, loss: Loss) -> SourceError | None:
        """Why a person must look first, or None."""
        if loss.gone <= self.accepted or not loss.is_above(self.max_share):
            return None
        state = "That is treated as an incident, not as a deletion: all of them stay as they are"
        next_step = (
            "See what happened at the source; "
            f"if it is meant, run lockgate ingest --source {source} --accept-deletions {loss.gone}"
        )
        if not loss.listed:
            return SourceEmptiedError(
                f"the source lists no document, and {loss.held} of its documents are in the catalog",
                where=source,
                state=state,
                next_step=next_step,
            )
        return DeletionsHeldError(
            f"the source no longer lists {loss.gone} of its {loss.held} documents; "
            f"{self.max_share:.0%} may go at once",
            where=source,
            state=state,
            next_step=next_step,
        )

    def record(self, session: Session, source: str, loss: Loss) -> None:
        """Writes down whose word let ``loss`` pass, where it took one."""
        if not loss.is_above(self.max_share):
            return
        ledger.append(
            session,
            Entry(
                "approve",
                reasons=[f"a person confirmed that {source} lost {loss.gone} of its {loss.held} documents"],
                details={"source": source, "deleted": loss.gone, "of": loss.held, "by": self.by},
            ),
        )


@dataclass(frozen=True, slots=True)
class Loss:
    """Of ``held`` documents in the catalog, ``gone`` are not among the ``listed`` any more."""

    gone: int
    held: int
    listed: int

    def is_above(self, share: float) -> bool:
        """An empty listing always is."""
        return not self.listed or (self.held > 0 and self.gone / self.held > share)
