"""The audit of the index: which rules the points of some documents carry, against what the catalog believes.

The catalog re-checks every hit, so a point with too wide a rule shows its text to nobody. But the index filters
first: such a point takes part in a ranking that it should not be in, and one with too narrow a rule is not found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from rag.catalog import Catalog, distrust_points
from rag.catalog.access import UNTRUSTED
from rag.catalog.revisions import alive_at, is_readable, readable
from rag.catalog.tables import Document, DocumentState, Revision, Version
from rag.errors import IndexCorruptError, IndexStoreError
from rag.index import IndexStore
from rag.ingestion.rules import StoredRules, loses
from rag.maintenance.findings import Finding

_BATCH = 500
_DISTRUSTED = (
    "Readers go by the rule in force for the document from now on, whatever rule its points carry, "
    "until its content changes."
)
_REBUILD = "Run lockgate ingest --rebuild, then lockgate promote"
_STRAY = f"Nothing was done: by the catalog this version does not hold it. {_REBUILD}."
_ABSENT = f"Nothing was done: the index lacks it. {_REBUILD}."


@dataclass
class IndexAudit:
    """What the versions that can be searched showed; ``failed`` are those that could not be looked at, or lack
    something."""

    versions: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    failed: list[IndexStoreError] = field(default_factory=list)


class _Believed(NamedTuple):
    """What the catalog knows of a document in a version; without a revision it is not in it."""

    revision: int | None
    carried: int | None
    """The rule that its points should carry."""
    in_force: int | None


@dataclass
class _Difference:
    too_many: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    versions: list[int] = field(default_factory=list)
    distrusted: set[int] = field(default_factory=set)
    """Revisions."""
    left: set[str] = field(default_factory=set)
    """What cannot be repaired here."""


def audit_index(catalog: Catalog, store: IndexStore, documents: Mapping[int, str]) -> IndexAudit:
    """Looks at the points of ``{document id: key}`` in every version that can be searched, and repairs.

    A document whose points carry another rule than the catalog believes is judged by readers as one that has moved
    to another rule: at once, on every version, without a point being written.
    """
    audit = IndexAudit()
    differences: dict[int, _Difference] = {}
    with catalog.read() as session:
        numbers = session.scalars(select(col(Version.number)).where(readable())).all()
    for number in sorted(numbers, reverse=True) if documents else ():
        try:
            carried = _carried(store, number, documents)
        except IndexStoreError as error:
            with catalog.read() as session:
                if is_readable(session, number):  # else retention took it away meanwhile
                    audit.failed.append(error)
            continue
        with catalog.read() as session:
            # Read afterwards: what was purged or swept meanwhile is no difference.
            if not is_readable(session, number):
                continue
            believed = _believed(session, number, documents)
            absent = _compare(session, number, believed, carried, differences)
        audit.versions.append(number)
        if absent:
            audit.failed.append(_lacking(number, absent))
    _repair(catalog, differences)
    audit.findings = [_finding(documents[id], differences[id]) for id in sorted(differences)]
    return audit


def _carried(store: IndexStore, version: int, documents: Collection[int]) -> dict[int, frozenset[int]]:
    reader = store.open(version)
    try:
        return reader.rules_of(documents)
    finally:
        reader.close()


def _believed(session: Session, version: int, documents: Collection[int]) -> Iterator[tuple[int, _Believed]]:
    """By document; those that are purged, erased from the index or about to be, are left out."""
    ordered = sorted(documents)
    held = (col(Revision.document_id) == col(Document.id)) & alive_at(version)
    for start in range(0, len(ordered), _BATCH):
        some = col(Document.id).in_(ordered[start : start + _BATCH])
        rows = session.execute(
            select(col(Document.id), col(Revision.id), col(Revision.indexed_rule_id), col(Document.rule_id))
            .outerjoin(Revision, held)
            .where(some, col(Document.state) != DocumentState.PURGED)
        )
        for id, revision, carried, in_force in rows:
            assert id is not None
            yield id, _Believed(revision, carried, in_force)


def _compare(
    session: Session,
    version: int,
    believed: Iterator[tuple[int, _Believed]],
    carried: Mapping[int, frozenset[int]],
    differences: dict[int, _Difference],
) -> int:
    """Notes what differs; returns how many documents the version lacks."""
    rules = StoredRules(session)
    absent = 0
    for document, each in believed:
        found = carried.get(document, frozenset())
        right = rules.of(each.carried)
        others = [rules.of(rule) for rule in found if rule != each.carried]
        if each.revision is not None and not found:
            absent += 1
            too_many, missing = frozenset[str](), loses(rules.of(each.in_force), None)
        elif right == UNTRUSTED:
            continue  # readers go by the rule in force already
        else:
            too_many = frozenset[str]().union(*(loses(other, right) for other in others))
            missing = frozenset[str]().union(*(loses(right, other) for other in others))
        if not too_many and not missing:
            continue
        difference = differences.setdefault(document, _Difference())
        difference.too_many |= too_many
        difference.missing |= missing
        difference.versions.append(version)
        if each.revision is None:
            difference.left.add(_STRAY)
        elif not found:
            difference.left.add(_ABSENT)
        else:
            difference.distrusted.add(each.revision)
    return absent


def _repair(catalog: Catalog, differences: Mapping[int, _Difference]) -> None:
    revisions = {revision for each in differences.values() for revision in each.distrusted}
    if revisions:
        with catalog.write() as session:
            distrust_points(session, revisions)


def _finding(key: str, difference: _Difference) -> Finding:
    done = [_DISTRUSTED] if difference.distrusted else []
    return Finding(
        key,
        "index",
        frozenset(difference.too_many),
        frozenset(difference.missing),
        repaired=not difference.left,
        done=" ".join([*done, *sorted(difference.left)]),
        versions=tuple(sorted(difference.versions)),
    )


def _lacking(version: int, documents: int) -> IndexCorruptError:
    return IndexCorruptError(
        f"version {version} lacks {documents} of the documents that were looked at",
        where="index",
        state="Nobody finds them in it",
        next_step=_REBUILD,
    )
