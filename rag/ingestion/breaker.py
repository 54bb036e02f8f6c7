"""The deletion breaker: a source that suddenly lacks many documents has an incident, until a person says not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from rag.errors import AccessLostError, DeletionsHeldError, SourceEmptiedError, SourceError
from rag.releases import ledger
from rag.releases.ledger import Entry


@dataclass(frozen=True, slots=True)
class Breaker:
    """How many documents a source may lose at once.

    ``max_share``, from 0 to 1, is of those that it has in the catalog. ``accepted`` is the number whose loss a
    person has confirmed, as an earlier listing was held for it; no more than that passes. ``by`` is that person.
    The same for documents that stay and lose their own rule, so that the source's default would open them:
    ``max_unruled_share`` and ``accepted_unruled``.
    """

    max_share: float = 0.2
    accepted: int = 0
    by: str | None = None
    max_unruled_share: float = 0.2
    accepted_unruled: int = 0

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

    def access_objection(self, source: str, unruled: int, ruled: int) -> SourceError | None:
        """Why ``unruled`` of the ``ruled`` documents with a rule of their own must not be opened, or None."""
        if unruled <= max(self.accepted_unruled, self.max_unruled_share * ruled):
            return None
        return AccessLostError(
            f"the source no longer says who may read {unruled} of the {ruled} documents for which it did; "
            f"{self.max_unruled_share:.0%} may fall to its default at once",
            where=source,
            state="They stay under the rules that they had",
            next_step="See what happened to the access rules at the source; if it is meant, run "
            f"lockgate ingest --source {source} --accept-unruled {unruled}",
        )

    def record(self, session: Session, source: str, loss: Loss) -> None:
        """Writes down whose word let ``loss`` pass, where it took one."""
        if loss.is_above(self.max_share):
            reason = f"a person confirmed that {source} lost {loss.gone} of its {loss.held} documents"
            details = {"source": source, "deleted": loss.gone, "of": loss.held, "by": self.by}
            ledger.append(session, Entry("approve", reasons=[reason], details=details))

    def record_unruled(self, session: Session, source: str, unruled: int, ruled: int) -> None:
        """Writes down whose word let documents fall to the source's default, where it took one."""
        if unruled > self.max_unruled_share * ruled:
            reason = (
                f"a person confirmed that {source} says no more who may read {unruled} of {ruled} documents"
            )
            details = {"source": source, "unruled": unruled, "of": ruled, "by": self.by}
            ledger.append(session, Entry("approve", reasons=[reason], details=details))


@dataclass(frozen=True, slots=True)
class Loss:
    """Of ``held`` documents in the catalog, ``gone`` are not among the ``listed`` any more."""

    gone: int
    held: int
    listed: int

    def is_above(self, share: float) -> bool:
        """An empty listing always is."""
        return not self.listed or (self.held > 0 and self.gone / self.held > share)
