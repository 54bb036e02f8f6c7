"""What a listing says of access, in effect at once and on every version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from rag.access import PUBLIC, AccessRule
from rag.catalog import put_under, rule_id
from rag.catalog.tables import AccessRuleRow, Document, DocumentState
from rag.errors import SourceError
from rag.ingestion.breaker import Breaker
from rag.ingestion.port import Listed
from rag.releases import ledger
from rag.releases.ledger import Entry

HELD = (DocumentState.ACTIVE, DocumentState.QUARANTINED)
"""The states of documents that their source has, as far as is known."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a source's documents have in common: the ``rule`` of those that carry none (None: deny), and the
    ``tenant`` that all of them are for (None: no wall)."""

    rule: AccessRule | None
    tenant: str | None = None

    def rule_of(self, entry: Listed) -> AccessRule | None:
        """The rule of a document as it is listed; None: nobody may read it."""
        return self._walled((entry.access or self.rule) if entry.problem is None else None)

    @property
    def fallback(self) -> AccessRule | None:
        """The rule of a document that carries none."""
        return self._walled(self.rule)

    def _walled(self, rule: AccessRule | None) -> AccessRule | None:
        return rule if rule is None or self.tenant is None else replace(rule, tenant=self.tenant)


@dataclass(slots=True)
class AppliedRules:
    """What became of a listing's rules. ``held`` says why some of them must wait for a person."""

    changed: int = 0
    """Documents under another rule than before; those that are deleted are not counted."""
    narrowed_at: list[datetime | None] = field(default_factory=list)
    """One for each document that somebody has lost: when its source changed that, where it says so."""
    held: SourceError | None = None


def apply_rules(
    session: Session, source: str, listed: Iterable[Listed], *, defaults: Defaults, breaker: Breaker
) -> AppliedRules:
    """Puts the documents of a listing that the catalog knows under the rules that they are listed with.

    What is purged stays so. Where so many carry no rule any more that ``breaker`` objects, and the source's
    default would open them, those stay under the rules that they had.
    """
    known = {
        row.external_id: row
        for row in session.execute(
            select(
                col(Document.id), col(Document.external_id), col(Document.rule_id), col(Document.state)
            ).where(col(Document.source) == source, col(Document.state) != DocumentState.PURGED)
        )
    }
    rules = StoredRules(session)
    fallback = rules.id(defaults.fallback)
    ruled = sum(
        row.state in HELD and row.rule_id is not None and row.rule_id != fallback for row in known.values()
    )
    moved: dict[int, AccessRule | None] = {}
    entries: dict[int, Listed] = {}
    unruled: list[int] = []
    for entry in listed:
        row = known.get(entry.id)
        if row is None:
            continue
        rule = defaults.rule_of(entry)
        if row.rule_id == rules.id(rule):
            continue
        moved[row.id], entries[row.id] = rule, entry
        # Where nobody gains by it, nothing falls open.
        if (
            row.state in HELD
            and row.rule_id is not None
            and entry.access is None
            and narrows(rule, rules.of(row.rule_id))
        ):
            unruled.append(row.id)
    applied = AppliedRules(held=breaker.access_objection(source, len(unruled), ruled))
    if applied.held is not None:
        for id in unruled:
            del moved[id]
    else:
        breaker.record_unruled(session, source, len(unruled), ruled)
    before = {row.id: row for row in known.values() if row.id in moved}
    applied.changed = sum(row.state in HELD for row in before.values())
    applied.narrowed_at = [
        entries[id].access_changed_at
        for id, rule in moved.items()
        if narrows(rules.of(before[id].rule_id), rule)
    ]
    if moved:
        put_under(session, {id: rules.id(rule) for id, rule in moved.items()})
        keys = {id: f"{source}/{row.external_id}" for id, row in before.items()}
        ledger.append(
            session,
            Entry(
                "access",
                reasons=[f"{source} lists {len(moved)} documents under another rule than before"],
                details={
                    "documents": {keys[id]: rule.digest if rule else None for id, rule in moved.items()}
                },
            ),
        )
    return applied


def narrows(old: AccessRule | None, new: AccessRule | None) -> bool:
    """Whether somebody may lose a document that passes from one rule to the other."""
    return bool(loses(old, new))


def loses(old: AccessRule | None, new: AccessRule | None) -> frozenset[str]:
    """The principals by which somebody may lose a document that passes from one rule to the other.

    Those that ``new`` allows no more, and those that it denies and ``old`` did not. Who is in which group is not
    asked: memberships change, and the rules stay.
    """
    if old is None or not old.allow or PUBLIC in old.deny:
        return frozenset()
    if new is None or PUBLIC in new.deny or new.tenant not in (None, old.tenant):
        return old.allow
    allowed_no_more = frozenset() if PUBLIC in new.allow else old.allow - new.allow
    return allowed_no_more | (new.deny - old.deny)


class StoredRules:
    """Rules and their ids, each looked up once a listing."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ids: dict[AccessRule, int] = {}
        self._rules: dict[int, AccessRule | None] = {}

    def id(self, rule: AccessRule | None) -> int | None:
        """Its id; a rule that is new is stored."""
        if rule is None:
            return None
        if rule not in self._ids:
            self._ids[rule] = rule_id(self._session, rule)
        return self._ids[rule]

    def of(self, id: int | None) -> AccessRule | None:
        """The rule with this id; None, which is nobody's, where there is none."""
        if id is None:
            return None
        if id not in self._rules:
            row = self._session.get(AccessRuleRow, id)
            self._rules[id] = (
                None if row is None else AccessRule(frozenset(row.allow), frozenset(row.deny), row.tenant)
            )
        return self._rules[id]
