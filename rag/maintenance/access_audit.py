"""The audit of access: what the catalog says of some documents, against what their source says now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sqlalchemy import Row, or_, select
from sqlmodel import Session, col

from rag.catalog.revisions import readable
from rag.catalog.tables import Document, DocumentState, Revision, Version
from rag.errors import SourceError
from rag.ingestion import AppliedRules, Breaker, Defaults, Listed, apply_rules
from rag.ingestion.breaker import Loss
from rag.ingestion.rules import HELD, StoredRules, loses
from rag.maintenance.findings import Finding
from rag.maintenance.forged_rules import close_to_all, unmask

_BATCH = 500
_REPAIRED = "It was put under the rule that its source gives now, on every version."
_HELD = "It stays under its rule until a person has looked at the source, which says no more who may read it."
_CLOSED = (
    "It was closed to everybody: its rule was changed in the catalog, "
    "and its source says no more who may read it."
)


@dataclass
class RulesAudit:
    """What a source's sample showed. ``held`` says why a person must look at the source."""

    source: str
    population: int
    """Documents that the source lists, or that the catalog has of it and may show to somebody."""
    sampled: int = 0
    looked_at: dict[int, str] = field(default_factory=dict)
    """``{document id: key}`` of those in the sample that the catalog knows."""
    findings: list[Finding] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """In the sample, listed no more, and still readable until a version without them is promoted."""
    new: int = 0
    """In the sample, and not ingested yet."""
    applied: AppliedRules = field(default_factory=AppliedRules)
    """What the repair changed, of the whole source and not only of the sample."""
    closed: list[str] = field(default_factory=list)
    """Of the whole source: nobody may read them until it says who may. Their rule was changed in the catalog."""
    held: list[SourceError] = field(default_factory=list)


def audit_rules(
    session: Session,
    source: str,
    listed: Iterable[Listed],
    *,
    defaults: Defaults,
    breaker: Breaker,
    size: int,
    chance: Random,
) -> RulesAudit:
    """Compares ``size`` documents of a source (all, where it has fewer) with what it lists now, and repairs.

    ``listed`` must be taken within the session's transaction, so that the catalog is not ahead of it. Where a rule
    differs, the whole listing is applied as ``apply_rules`` does it: what a sample finds is seldom alone. What the
    breaker holds stays as it is, and is told; but under a rule that was changed in the catalog nothing stays.
    """
    listing = {entry.id: entry for entry in listed}
    rows = {
        row.external_id: row
        for row in session.execute(
            select(
                col(Document.id),
                col(Document.key),
                col(Document.external_id),
                col(Document.rule_id),
                col(Document.state),
            ).where(col(Document.source) == source)
        )
    }
    known = {id: row for id, row in rows.items() if row.state != DocumentState.PURGED}
    shown = {id for id, row in known.items() if row.state in HELD or row.rule_id is not None}
    population = sorted(shown | (listing.keys() - (rows.keys() - known.keys())))
    sample = chance.sample(population, min(size, len(population)))
    audit = RulesAudit(source, len(population), len(sample))
    lost = breaker.objection(source, _loss(known, listing))
    forged = unmask(session)
    _compare(session, audit, sample, known, listing, defaults)
    if audit.findings or any(row.rule_id in forged for row in known.values()):
        audit.applied = apply_rules(session, source, listing.values(), defaults=defaults, breaker=breaker)
        audit.closed = close_to_all(session, source, forged)
        audit.findings = [_repaired(session, each, audit, listing, defaults) for each in audit.findings]
    audit.held = [held for held in (lost, audit.applied.held) if held is not None]
    return audit


def _loss(known: Mapping[str, Row[Any]], listing: Mapping[str, Listed]) -> Loss:
    held = [id for id, row in known.items() if row.state in HELD]
    return Loss(sum(id not in listing for id in held), len(held), len(listing))


def _compare(
    session: Session,
    audit: RulesAudit,
    sample: Collection[str],
    known: Mapping[str, Row[Any]],
    listing: Mapping[str, Listed],
    defaults: Defaults,
) -> None:
    rules = StoredRules(session)
    unlisted: dict[int, str] = {}
    for id in sample:
        row, entry = known.get(id), listing.get(id)
        if row is None:
            audit.new += 1
            continue
        audit.looked_at[row.id] = row.key
        in_force = rules.of(row.rule_id)
        if entry is None:
            if loses(in_force, None):
                unlisted[row.id] = row.key
            continue
        now = defaults.rule_of(entry)
        too_many, missing = loses(in_force, now), loses(now, in_force)
        if too_many or missing:
            audit.findings.append(
                Finding(
                    row.key,
                    "catalog",
                    too_many,
                    missing,
                    repaired=True,
                    done=_REPAIRED,
                    changed_at=entry.access_changed_at,
                )
            )
    audit.gone = sorted(unlisted[id] for id in _readable(session, unlisted))


def _readable(session: Session, documents: Collection[int]) -> set[int]:
    """Those of the documents that a version holds which can be searched."""
    found: set[int] = set()
    ordered = sorted(documents)
    held = (col(Revision.since) <= col(Version.number)) & or_(
        col(Revision.until).is_(None), col(Revision.until) > col(Version.number)
    )
    for start in range(0, len(ordered), _BATCH):
        some = col(Revision.document_id).in_(ordered[start : start + _BATCH])
        found.update(
            session.scalars(
                select(col(Revision.document_id)).join(Version, held).where(some, readable()).distinct()
            )
        )
    return found


def _repaired(
    session: Session, finding: Finding, audit: RulesAudit, listing: Mapping[str, Listed], defaults: Defaults
) -> Finding:
    """The finding, with what became of the document."""
    row = session.scalars(select(Document).where(col(Document.key) == finding.document)).one()
    in_force, now = StoredRules(session).of(row.rule_id), defaults.rule_of(listing[row.external_id])
    if in_force == now:
        return finding
    if finding.document in audit.closed:
        return replace(finding, done=_CLOSED)
    return replace(finding, repaired=False, done=_HELD)
