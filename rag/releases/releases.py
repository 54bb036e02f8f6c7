"""What is promoted, the decisions behind it, and the way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from rag.catalog import utcnow
from rag.catalog.tables import Decision, Pointer, Release, Version, VersionState
from rag.errors import ReleaseError, UnknownVersionError

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


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gate said of a version: ``promote``, ``hold`` or ``block``, and all that it rests on."""

    decision: str
    version: int
    evaluation_id: int | None
    reasons: Sequence[str]
    checks: Sequence[Mapping[str, Any]]
    fingerprints: Mapping[str, str]
    approved: bool = False


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
    )


def record_decision(session: Session, decision: GateDecision) -> str | None:
    """Writes the decision down and, if it is ``promote``, moves the pointer, in one transaction.

    Returns the digest of the release that was promoted. A candidate that is blocked is rejected.
    """
    release = _release(session, decision) if decision.decision == "promote" else None
    session.add(
        Decision(
            decision=decision.decision,
            version=decision.version,
            release_id=release.id if release else None,
            evaluation_id=decision.evaluation_id,
            reasons=list(decision.reasons),
            checks=[dict(check) for check in decision.checks],
            fingerprints=dict(decision.fingerprints),
            approved=decision.approved,
        )
    )
    version = session.get_one(Version, decision.version)
    if release is not None:
        _move_pointer(session, release)
        return release.digest
    if decision.decision == "block" and version.state == VersionState.CANDIDATE:
        version.state = VersionState.REJECTED
    return None


def roll_back(session: Session, *, to: int | None = None) -> tuple[int, int]:
    """Moves the pointer back to a version that was promoted before; returns ``(from, to)`` versions.

    Without ``to`` that is what readers saw just before the present one was promoted. Raises ``ReleaseError``
    where there is none and ``UnknownVersionError`` for a version that never passed the gate.
    """
    now = promoted(session)
    if now is None:
        raise ReleaseError("nothing is promoted yet", next_step="Run lockgate run first.")
    moves = session.execute(
        select(Decision, Release)
        .join(Release, col(Decision.release_id) == col(Release.id))
        .order_by(col(Decision.id).desc())
    ).all()
    if to is None:
        present = session.get_one(Pointer, PROMOTED).release_id
        entered = next(d.id for d, _ in moves if d.decision == "promote" and d.release_id == present)
        earlier = [release for d, release in moves if d.id < entered and release.version != now.version]
        if not earlier:
            raise ReleaseError(
                f"version {now.version} is the first that was ever promoted",
                state="It stays promoted",
                next_step="See lockgate status for the versions there are",
            )
        target = earlier[0]
    else:
        found = [release for _, release in moves if release.version == to != now.version]
        if not found:
            raise UnknownVersionError(
                f"version {to} is promoted already"
                if to == now.version
                else f"version {to} was never promoted",
                state=f"Version {now.version} stays promoted",
                next_step="See lockgate status; a version that never passed goes through lockgate promote",
            )
        target = found[0]
    session.add(
        Decision(
            decision="rollback",
            version=target.version,
            release_id=target.id,
            reasons=[f"rolled back from version {now.version} to version {target.version}"],
            checks=[],
            fingerprints=dict(target.fingerprints),
        )
    )
    _move_pointer(session, target)
    return now.version, target.version


def _release(session: Session, decision: GateDecision) -> Release:
    canonical = json.dumps([decision.version, dict(decision.fingerprints)], sort_keys=True)
    release = Release(
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        version=decision.version,
        fingerprints=dict(decision.fingerprints),
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
