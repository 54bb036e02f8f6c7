"""The decision ledger: rows only ever added, each with the hash of the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import select
from sqlmodel import Session, col

from rag.catalog import utcnow
from rag.catalog.chain import GENESIS, entry_hash
from rag.catalog.tables import Counter, LedgerEntry, Pointer, Release
from rag.errors import LedgerError

Kind = Literal[
    "promote",
    "hold",
    "block",
    "rollback",
    "approve",
    "access",
    "members",
    "purge",
    "unpurge",
    "sweep",
    "restore",
]
MOVES = ("promote", "rollback", "restore")
"""Kinds of entries that say what readers see from then on."""
_LAST = "ledger"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down. ``details`` must be plain JSON values, and hold no document text."""

    kind: Kind
    version: int | None = None
    release: str | None = None
    reasons: Sequence[str] = ()
    checks: Sequence[Mapping[str, Any]] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def append(session: Session, entry: Entry) -> LedgerEntry:
    """Adds an entry in the session's transaction; writers take turns, so its number is the next."""
    last = session.get(Counter, _LAST)
    # A catalog that was restored together with an empty ledger counts from 0.
    before = session.get(LedgerEntry, last.value) if last is not None and last.value else None
    if last is not None and last.value and before is None:
        raise LedgerError(
            f"entry {last.value}, the last of the ledger, is missing",
            where="ledger",
            state="Nothing was written, and nothing was moved",
            next_step="Run lockgate ledger verify, and restore a backup if it was not meant",
        )
    # As JSON gives them back, so that the hash is of what will be read.
    plain = json.loads(
        json.dumps(
            {
                "reasons": list(entry.reasons),
                "checks": [dict(check) for check in entry.checks],
                "fingerprints": dict(entry.fingerprints),
                "details": dict(entry.details),
            },
            allow_nan=False,
        )
    )
    parts = {
        "number": before.number + 1 if before else 1,
        "kind": entry.kind,
        "version": entry.version,
        "release": entry.release,
        **plain,
        "decided_at": utcnow(),
        "previous": before.hash if before else GENESIS,
    }
    row = LedgerEntry(**parts, hash=entry_hash(**parts))
    session.add(row)
    if last is None:
        session.add(Counter(name=_LAST, value=row.number))
    else:
        last.value = row.number
    session.flush()
    return row


def rehash(row: LedgerEntry) -> str:
    """The hash that the row's contents have now; another than ``row.hash`` where they were changed."""
    return entry_hash(
        number=row.number,
        kind=row.kind,
        version=row.version,
        release=row.release,
        reasons=row.reasons,
        checks=row.checks,
        fingerprints=row.fingerprints,
        details=row.details,
        decided_at=row.decided_at,
        previous=row.previous,
    )


@dataclass(frozen=True, slots=True)
class Verification:
    """``head`` is the hash of the last entry, for keeping elsewhere; ``problems`` are sentences, none if sound."""

    entries: int
    head: str
    problems: tuple[str, ...]


def verify(session: Session, *, head: str | None = None) -> Verification:
    """Looks for entries that were changed, removed or put in, and for a pointer that no entry moved.

    ``head`` is a hash from an earlier verification, kept where nobody can change both: it must still be in the
    chain. Without one, a ledger that was rewritten as a whole, hashes included, cannot be told from a true one.
    """
    problems: list[str] = []
    number, previous, hashes = 0, GENESIS, {GENESIS}
    moved: LedgerEntry | None = None
    rows = select(LedgerEntry).order_by(col(LedgerEntry.number)).execution_options(yield_per=_BATCH)
    try:
        for row in session.scalars(rows):
            number += 1
            if row.number != number:
                missing = (
                    f"entry {number} is"
                    if row.number == number + 1
                    else f"entries {number} to {row.number - 1} are"
                )
                problems.append(f"{missing} missing")
                number = row.number
            elif row.previous != previous:
                problems.append(f"entry {number} does not follow the one before it")
            if not _is_unchanged(row):
                problems.append(f"entry {number} ({row.kind}, {row.decided_at:%Y-%m-%d %H:%M}) was changed")
            previous = row.hash
            hashes.add(row.hash)
            # What was restored from before the first promotion has readers see nothing.
            if row.kind in MOVES and (row.release is not None or row.kind == "restore"):
                moved = row
    except (
        ValueError,
        TypeError,
    ):  # a column of that row, or of one soon after it, is no JSON or no time any more
        problems.append(f"an entry after {number} cannot be read: it was changed")
        return Verification(number, previous, tuple(problems))
    last = session.get(Counter, _LAST)
    expected = last.value if last else 0
    if expected > number:
        problems.append(f"entries {number + 1} to {expected}, the last of the ledger, are missing")
    elif expected < number:
        problems.append(f"entries after {expected} were not written by Lockgate")
    if head is not None and head not in hashes:
        problems.append(
            f"no entry has the hash {head}: the ledger is not a continuation of the one it came from"
        )
    problems += _pointer_problems(session, moved)
    return Verification(number, previous, tuple(problems))


def _is_unchanged(row: LedgerEntry) -> bool:
    try:
        return rehash(row) == row.hash
    except (ValueError, TypeError):  # JSON of another shape than what is ever written
        return False


def _pointer_problems(session: Session, moved: LedgerEntry | None) -> list[str]:
    pointed = session.scalar(
        select(col(Release.digest)).join(Pointer, col(Pointer.release_id) == col(Release.id)).limit(1)
    )
    recorded = moved.release if moved else None
    if pointed == recorded:
        return []
    if recorded is None:
        return ["a version is promoted, and no entry says why"]
    assert moved is not None
    return [f"readers see another release than the one that entry {moved.number} ({moved.kind}) named"]


def story(session: Session, version: int | None = None) -> list[LedgerEntry]:
    """The entries about ``version``, or all, in order."""
    wanted = select(LedgerEntry).order_by(col(LedgerEntry.number))
    if version is not None:
        wanted = wanted.where(col(LedgerEntry.version) == version)
    return list(session.scalars(wanted))
