"""What is promoted, the decisions behind it, and the way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import exists, select, update
from sqlmodel import Session, col

from rag.catalog import put_under, utcnow
from rag.catalog.revisions import alive_at
from rag.catalog.tables import (
    Document,
    DocumentState,
    LedgerEntry,
    Pointer,
    Release,
    Revision,
    Version,
    VersionState,
)
from rag.errors import ReleaseError, UnknownVersionError
from rag.releases import ledger
from rag.releases.ledger import Entry

PROMOTED = "promoted"


@dataclass(frozen=True, slots=True)
class PromotedRelease:
    """What readers see now. ``release`` is the digest of version and fingerprints."""

    version: int
    release: str
    promoted_at: datetime
    documents: int
    chunks: int
    fingerprints: Mapping[str, str]
    listings: Mapping[str, str]
    settings: Mapping[str, Any]
    """What readers follow, by value: ``retrieval``, ``answering``."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gate said of a version: ``promote``, ``hold`` or ``block``, and all that it rests on."""

    decision: Literal["promote", "hold", "block"]
    version: int
    evaluation_id: int | None
    reasons: Sequence[str]
    checks: Sequence[Mapping[str, Any]]
    fingerprints: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What readers follow once it is promoted, by value; see ``Release.settings``."""
    approved_by: str | None = None
    """Who let through what the gate held; None where nobody was asked."""


def promoted(session: Session) -> PromotedRelease | None:
    """The release that the pointer names, or None before the first promotion."""
    row = session.execute(
        select(Pointer, Release, Version)
        .join(Release, col(Pointer.release_id) == col(Release.id))
        .join(Version, col(Release.version) == col(Version.number))
        .where(col(Pointer.name) == PROMOTED)
    ).first()
    if row is None:
        return None
    pointer, release, version = row
    return PromotedRelease(
        version=release.version,
        release=release.digest,
        promoted_at=pointer.moved_at,
        documents=version.documents,
        chunks=version.chunks,
        fingerprints=release.fingerprints,
        listings=version.listings,
        settings=release.settings,
    )


def record_decision(session: Session, decision: GateDecision) -> str | None:
    """Writes the decision down and, if it is ``promote``, moves the pointer, in one transaction.

    Returns the digest of the release that was promoted. A candidate that is blocked is rejected. What a person
    approved is an entry of its own, before the promotion.
    """
    version = session.get(Version, decision.version)
    if version is None or version.state == VersionState.BUILDING:
        raise UnknownVersionError(
            f"there is no version {decision.version}" + (", it is still being built" if version else ""),
            state="Nothing was changed",
            next_step="See lockgate status for the versions there are",
        )
    if version.swept_at is not None:
        raise _swept(decision.version)
    release = _release(session, decision) if decision.decision == "promote" else None
    evaluation = {} if decision.evaluation_id is None else {"evaluation": decision.evaluation_id}
    if decision.approved_by is not None:
        ledger.append(
            session,
            Entry(
                "approve",
                version=decision.version,
                reasons=decision.reasons,
                fingerprints=decision.fingerprints,
                details={**evaluation, "by": decision.approved_by},
            ),
        )
    ledger.append(
        session,
        Entry(
            decision.decision,
            version=decision.version,
            release=release.digest if release else None,
            reasons=decision.reasons,
            checks=decision.checks,
            fingerprints=decision.fingerprints,
            details=evaluation,
        ),
    )
    if release is not None:
        _move_pointer(session, release)
        return release.digest
    if decision.decision == "block" and version.state == VersionState.CANDIDATE:
        version.state = VersionState.REJECTED
    return None


def roll_back(session: Session, *, to: int | None = None, by: str | None = None) -> tuple[int, int]:
    """Moves the pointer back to a version that was promoted before, in the name of ``by``; returns ``(from, to)``.

    Without ``to`` that is what readers saw just before the present one was promoted. Access is judged by now:
    what was revoked, purged or withdrawn since stays so. Raises ``ReleaseError`` where there is none and
    ``UnknownVersionError`` for a version that never passed the gate, or whose index retention took away.
    """
    now = promoted(session)
    if now is None:
        raise ReleaseError("nothing is promoted yet", next_step="Run lockgate run first.")
    moves = session.execute(
        select(LedgerEntry, Release)
        .join(Release, col(LedgerEntry.release) == col(Release.digest))
        .join(Version, col(Release.version) == col(Version.number))
        .where(col(LedgerEntry.kind).in_(ledger.MOVES), col(Version.swept_at).is_(None))
        .order_by(col(LedgerEntry.number).desc())
    ).all()
    if to is None:
        entered = next(
            (entry.number for entry, _ in moves if entry.kind != "rollback" and entry.release == now.release),
            0,
        )
        earlier = [
            release for entry, release in moves if entry.number < entered and release.digest != now.release
        ]
        if not earlier:
            raise ReleaseError(
                f"version {now.version} is the first that was promoted and is still there",
                state="It stays promoted",
                next_step="See lockgate status for the versions there are",
            )
        target = earlier[0]
    else:
        found = [release for _, release in moves if release.version == to != now.version]
        if not found:
            raise _no_way_back(session, to, now.version)
        target = found[0]
    ledger.append(
        session,
        Entry(
            "rollback",
            version=target.version,
            release=target.digest,
            reasons=[f"rolled back from version {now.version} to version {target.version}"],
            fingerprints=target.fingerprints,
            details={"from": now.version, "by": by},
        ),
    )
    _move_pointer(session, target)
    return now.version, target.version


def withdraw_deleted(session: Session, version: int) -> list[str]:
    """Takes away, for good, the access to what its source deleted and the promoted ``version`` does not hold.

    To be called whenever either may have changed. From then on no rollback brings it back; only its source can,
    by listing it again. Returns the keys.
    """
    gone = session.execute(
        select(col(Document.id), col(Document.key)).where(
            col(Document.state) == DocumentState.DELETED,
            col(Document.rule_id).is_not(None),
            ~exists().where(col(Revision.document_id) == col(Document.id), alive_at(version)),
        )
    ).all()
    if not gone:
        return []
    put_under(session, {id: None for id, _ in gone})
    keys = sorted(key for _, key in gone)
    ledger.append(
        session,
        Entry(
            "access",
            version=version,
            reasons=[f"deleted, and not in the promoted version, so withdrawn: {len(keys)} documents"],
            details={"documents": dict.fromkeys(keys)},
        ),
    )
    return keys


def _no_way_back(session: Session, to: int, now: int) -> UnknownVersionError:
    row = session.get(Version, to)
    if row is not None and row.swept_at is not None:
        return _swept(to)
    return UnknownVersionError(
        f"version {to} is promoted already" if to == now else f"version {to} was never promoted",
        state=f"Version {now} stays promoted",
        next_step="See lockgate status; a version that never passed goes through lockgate promote",
    )


def _swept(version: int) -> UnknownVersionError:
    return UnknownVersionError(
        f"the index of version {version} was taken away by retention",
        state="The promoted version stays as it is",
        next_step="See lockgate status for the versions there are; retention is set in lockgate.yaml",
    )


def _release(session: Session, decision: GateDecision) -> Release:
    canonical = json.dumps([decision.version, dict(decision.fingerprints)], sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    known = session.scalar(
        select(Release).where(col(Release.digest) == digest).order_by(col(Release.id).desc()).limit(1)
    )
    if known is not None:
        return known
    release = Release(
        digest=digest,
        version=decision.version,
        fingerprints=dict(decision.fingerprints),
        settings=dict(decision.settings),
    )
    session.add(release)
    session.flush()
    return release


def _move_pointer(session: Session, release: Release) -> None:
    assert release.id is not None
    session.execute(
        update(Version)
        .where(col(Version.state) == VersionState.PROMOTED, col(Version.number) != release.version)
        .values(state=VersionState.RETIRED)
    )
    session.get_one(Version, release.version).state = VersionState.PROMOTED
    session.merge(Pointer(name=PROMOTED, release_id=release.id, moved_at=utcnow()))
    withdraw_deleted(session, release.version)
