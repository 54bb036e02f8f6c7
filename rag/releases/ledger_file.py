"""The ledger as a file: JSON lines that prove themselves, to be kept where the ledger is not.

A header, every entry with its hash, the access rules that entries name (their digests prove them), the present
memberships, and at the end the number and the digest of the lines before, so that a file that was cut or damaged
is told from a whole one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import func, select
from sqlmodel import Session, col

from rag.access import AccessRule
from rag.catalog import access_epoch, utcnow
from rag.catalog.chain import GENESIS
from rag.catalog.tables import AccessRuleRow, Directory, LedgerEntry, Membership, Version
from rag.errors import LedgerError
from rag.releases.ledger import rehash

FORMAT = 2
"""The newest format that this release reads, and the one it writes. 1 had no tenants and no directories."""

_BATCH = 500
_COLUMNS: Mapping[str, type | tuple[type, ...]] = {
    "number": int,
    "kind": str,
    "version": (int, type(None)),
    "release": (str, type(None)),
    "reasons": list,
    "checks": list,
    "fingerprints": dict,
    "details": dict,
    "decided_at": str,
    "previous": str,
    "hash": str,
}


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A ledger as it was exported; its chain, and every rule, has been checked."""

    project: str
    exported_at: datetime
    last_version: int
    """The highest version number that was given by then."""
    access_epoch: int
    entries: Sequence[LedgerEntry]
    """Entry *n* is at place *n* - 1."""
    rules: Mapping[str, AccessRule]
    """By digest; those that entries of the kind ``access`` name. One that is missing is nobody's."""
    memberships: Sequence[Membership]
    """Those at the time of the export. Nothing proves them."""
    directories: Sequence[Directory]
    """Where they came from."""

    @property
    def head(self) -> str:
        """The hash of the last entry; empty without one."""
        return self.hash_at(len(self.entries))

    def hash_at(self, number: int) -> str:
        """The hash of entry ``number``; that of 0 is empty. Raises ``IndexError`` past the last."""
        return self.entries[number - 1].hash if number else GENESIS


def export_ledger(session: Session, *, project: str) -> Iterator[str]:
    """The lines of the file, each with its newline, as of the session's moment; few of them in memory at once."""
    number, digest = 0, hashlib.sha256()
    for line in map(_line, _contents(session, project)):
        number += 1
        digest.update(line.encode())
        yield line
    yield _line({"end": number, "sha256": digest.hexdigest()})


def _contents(session: Session, project: str) -> Iterator[dict[str, Any]]:
    last = session.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number).desc()).limit(1)).first()
    yield {
        "format": FORMAT,
        "project": project,
        "exported_at": _iso(utcnow()),
        "entries": last.number if last else 0,
        "head": last.hash if last else GENESIS,
        "last_version": session.scalar(select(func.max(col(Version.number)))) or 0,
        "access_epoch": access_epoch(session.connection()),
    }
    named: set[str] = set()
    rows = session.scalars(
        select(LedgerEntry).order_by(col(LedgerEntry.number)).execution_options(yield_per=_BATCH)
    )
    for row in rows:
        yield {**{name: getattr(row, name) for name in _COLUMNS}, "decided_at": _iso(row.decided_at)}
        named.update(digest for digest in named_rules(row).values() if digest is not None)
        session.expunge(row)
    for rule, allow, deny, tenant in session.execute(
        select(
            col(AccessRuleRow.digest),
            col(AccessRuleRow.allow),
            col(AccessRuleRow.deny),
            col(AccessRuleRow.tenant),
        )
        .order_by(col(AccessRuleRow.id))
        .execution_options(yield_per=_BATCH)
    ):
        if rule in named:
            yield {"rule": rule, "allow": allow, "deny": deny, "tenant": tenant}
    memberships = session.execute(
        select(
            col(Membership.member), col(Membership.group), col(Membership.origin), col(Membership.observed_at)
        ).order_by(col(Membership.member), col(Membership.group), col(Membership.origin))
    )
    directories = session.scalars(select(Directory).order_by(col(Directory.name)))
    yield {
        "memberships": [[*names, _iso(observed_at)] for *names, observed_at in memberships],
        "directories": [
            [row.name, _iso(row.observed_at), row.max_age_seconds, row.groups] for row in directories
        ],
    }


def read_ledger(path: Path) -> LedgerFile:
    """Reads an exported ledger and proves it: the chain by its hashes, the rules by their digests.

    Raises ``LedgerError``, which names the line, for a file that was cut, changed or put together from others,
    and for one that a newer release wrote.
    """
    reader = _Reader(path)
    try:
        with path.open("rb") as file:
            return reader.read(file)
    except OSError as error:
        raise LedgerError(
            f"the exported ledger cannot be read ({error.strerror})",
            where=str(path),
            next_step="Name a file that lockgate ledger export wrote",
        ) from error


class _Reader:
    """Goes through a file line by line; ``_line`` is the number of the present one, from 1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._digest = hashlib.sha256()
        self._before = self._digest.hexdigest()
        """Digest of all lines before the present one."""

    def read(self, file: Iterator[bytes]) -> LedgerFile:
        lines = self._lines(file)
        header = next(lines, {})
        if not isinstance(header.get("format"), int):
            self._fail("it does not begin as an exported ledger does")
        if header["format"] > FORMAT:
            raise LedgerError(
                f"the exported ledger is of a newer release (format {header['format']}, this one reads {FORMAT})",
                where=str(self._path),
                next_step="Install that release",
            )
        expected = self._int(header, "entries")
        entries: list[LedgerEntry] = []
        rules: dict[str, AccessRule] = {}
        memberships: list[Membership] | None = None
        directories: list[Directory] = []
        ended = False
        for line in lines:
            if ended:
                self._fail("something stands after the end")
            if "number" in line:
                entries.append(self._entry(line, entries[-1] if entries else None))
            elif "rule" in line:
                rule = self._rule(line)
                rules[rule.digest] = rule
            elif "memberships" in line and memberships is None:
                memberships, directories = self._memberships(line), self._directories(line)
            elif "end" in line:
                ended = True
                if line != {"end": self._number - 1, "sha256": self._before}:
                    self._fail("the lines before it are not those that were written")
            else:
                self._fail("it is no line of an exported ledger")
        if not ended or memberships is None:
            self._fail("the file ends here, before its end was written: it was cut")
        if len(entries) != expected:
            self._fail(f"the file holds {len(entries)} entries, and {expected} were written")
        if header.get("head") != (entries[-1].hash if entries else GENESIS):
            self._fail("the last entry is not the one that the header names")
        return LedgerFile(
            project=self._str(header, "project"),
            exported_at=self._time(header.get("exported_at")),
            last_version=self._int(header, "last_version"),
            access_epoch=self._int(header, "access_epoch"),
            entries=tuple(entries),
            rules=rules,
            memberships=tuple(memberships),
            directories=tuple(directories),
        )

    def _lines(self, file: Iterator[bytes]) -> Iterator[dict[str, Any]]:
        for self._number in count(1):
            raw = next(file, None)
            if raw is None:
                self._number -= 1
                return
            if not raw.endswith(b"\n"):
                self._fail("the line has no end: the file was cut")
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                self._fail("it is not JSON")
            if not isinstance(line, dict):
                self._fail("it is no line of an exported ledger")
            self._before = self._digest.hexdigest()
            self._digest.update(raw)
            yield line

    def _entry(self, line: dict[str, Any], before: LedgerEntry | None) -> LedgerEntry:
        if set(line) != set(_COLUMNS) or not all(
            isinstance(line[name], kind) and not isinstance(line[name], bool)
            for name, kind in _COLUMNS.items()
        ):
            self._fail("it is no entry of a ledger")
        if not all(isinstance(check, dict) for check in line["checks"]):
            self._fail("it is no entry of a ledger")
        entry = LedgerEntry(**{**line, "decided_at": self._time(line["decided_at"])})
        number = before.number + 1 if before else 1
        if entry.number != number:
            self._fail(f"entry {entry.number} stands where entry {number} belongs")
        if entry.previous != (before.hash if before else GENESIS):
            self._fail(f"entry {number} does not follow the one before it")
        try:
            sound = rehash(entry) == entry.hash
        except (ValueError, RecursionError):
            sound = False
        if not sound:
            self._fail(f"entry {number} was changed")
        return entry

    def _rule(self, line: dict[str, Any]) -> AccessRule:
        tenant = line.get("tenant")
        if not (_are_names(line.get("allow")) and _are_names(line.get("deny"))):
            self._fail("it is no access rule")
        if not isinstance(tenant, str | None):
            self._fail("its tenant is not a name")
        rule = AccessRule(frozenset(line["allow"]), frozenset(line["deny"]), tenant)
        try:
            sound = rule.digest == line["rule"]
        except ValueError:
            sound = False
        if not sound:
            self._fail("the access rule is not the one that its digest names")
        return rule

    def _memberships(self, line: dict[str, Any]) -> list[Membership]:
        rows = line["memberships"]
        if not isinstance(rows, list) or not all(
            isinstance(row, list) and len(row) == 4 and all(isinstance(value, str) for value in row)
            for row in rows
        ):
            self._fail("the memberships cannot be read")
        return [
            Membership(member=member, group=group, origin=origin, observed_at=self._time(observed_at))
            for member, group, origin, observed_at in rows
        ]

    def _directories(self, line: dict[str, Any]) -> list[Directory]:
        rows = line.get("directories", [])
        if not isinstance(rows, list) or not all(
            isinstance(row, list)
            and len(row) == 4
            and isinstance(row[0], str)
            and isinstance(row[2], int | None)
            and _are_names(row[3])
            for row in rows
        ):
            self._fail("the directories cannot be read")
        return [
            Directory(name=name, observed_at=self._time(moment), max_age_seconds=seconds, groups=groups)
            for name, moment, seconds, groups in rows
        ]

    def _time(self, value: object) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self._fail("a time in it cannot be read")
        if moment.tzinfo is None:
            self._fail("a time in it names no zone")
        return moment.astimezone(UTC)

    def _int(self, line: Mapping[str, Any], name: str) -> int:
        value = line.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._fail(f"the header says nothing of {name}")
        return value

    def _str(self, line: Mapping[str, Any], name: str) -> str:
        value = line.get(name)
        if not isinstance(value, str):
            self._fail(f"the header says nothing of {name}")
        return value

    def _fail(self, why: str) -> NoReturn:
        raise LedgerError(
            f"the exported ledger is not whole: {why}",
            where=f"{self._path}, line {self._number}",
            next_step="Take the file that lockgate ledger export wrote, or an older one that is sound",
        )


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def named_rules(entry: LedgerEntry) -> dict[str, str | None]:
    """``{document key: digest of the rule it came under}`` by an entry of the kind ``access``; else nothing."""
    documents = entry.details.get("documents") if entry.kind == "access" else None
    if not isinstance(documents, dict):
        return {}
    return {key: digest if isinstance(digest, str) else None for key, digest in documents.items()}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n"
