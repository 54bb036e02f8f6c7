"""What the tests of this folder ask of a harness."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlmodel import col

from rag.catalog.revisions import readable
from rag.catalog.tables import Erasure, LedgerEntry, Version, VersionState
from rag.releases import GateDecision, record_decision, roll_back
from rag.releases.ledger import verify
from tests.support.harness import Harness


def entries(harness: Harness, *kinds: str) -> list[LedgerEntry]:
    """The ledger's entries of these kinds, in order, once it was found sound."""
    with harness.catalog.read() as session:
        assert verify(session).problems == ()
        rows = session.scalars(select(LedgerEntry).order_by(col(LedgerEntry.number)))
        return [row for row in rows if row.kind in kinds]


def pending(harness: Harness) -> int:
    """How many documents wait to be erased."""
    with harness.catalog.read() as session:
        return session.scalars(select(func.count()).select_from(Erasure)).one()


def reject(harness: Harness, version: int | None = None) -> None:
    number = version if version is not None else harness.latest
    assert number is not None
    with harness.catalog.write() as session:
        record_decision(session, GateDecision("block", number, None, ["a test said so"], [], {}))


def roll_back_to(harness: Harness, version: int) -> None:
    with harness.catalog.write() as session:
        roll_back(session, to=version)


def readable_versions(harness: Harness) -> list[int]:
    with harness.catalog.read() as session:
        return list(
            session.scalars(select(col(Version.number)).where(readable()).order_by(col(Version.number)))
        )


def vectors(harness: Harness) -> list[str]:
    """The text hashes in the vector cache."""
    return [hash for hashes in harness.cache.stored() for hash in hashes]


def assert_counts_agree(harness: Harness) -> None:
    """Every readable version says of itself what the catalog holds of it, and so does its index."""
    numbers = readable_versions(harness)
    assert harness.store.sealed() == numbers
    for number in numbers:
        texts = harness.texts(number)
        chunks = sum(map(len, texts.values()))
        with harness.catalog.read() as session:
            row = session.get_one(Version, number)
            assert row.state in set(VersionState) - {VersionState.BUILDING}
            assert (row.documents, row.chunks) == (len(texts), chunks)
        harness.store.verify(number)
        reader = harness.store.open(number)
        assert reader.points == chunks
        reader.close()
