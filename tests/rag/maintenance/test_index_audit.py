"""Which rules the points of the index carry, against what the catalog believes, on each kind of store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from rag.access import EVERYBODY, AccessRule
from rag.catalog import distrust_points, rule_id
from rag.catalog.tables import Document, Revision
from rag.errors import IndexCorruptError, IndexMissingError
from rag.index import IndexPoint
from rag.ingestion import Breaker, Defaults, apply_rules
from rag.maintenance import Finding, IndexAudit, audit_index, purge
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.memory_store import MemoryStore
from tests.support.source import MemorySource


def audit(harness: Harness) -> IndexAudit:
    """Of every document."""
    with harness.catalog.read() as session:
        rows = session.execute(select(col(Document.id), col(Document.key))).all()
    return audit_index(harness.catalog, harness.store, {id: key for id, key in rows if id is not None})


def indexed_under(harness: Harness, rules: Mapping[str, AccessRule]) -> dict[str, int]:
    """Says of the documents' revisions that their points carry these rules; returns what it said before."""
    before = {}
    with harness.catalog.write() as session:
        for key, rule in rules.items():
            document = harness.row(key, session)
            lasting = (col(Revision.document_id) == document.id) & col(Revision.until).is_(None)
            before[key] = session.scalars(select(col(Revision.indexed_rule_id)).where(lasting)).one()
            session.execute(update(Revision).where(lasting).values(indexed_rule_id=rule_id(session, rule)))
    return before


def ingest_with_wrong_points(harness: Harness, source: MemorySource, rules: Mapping[str, AccessRule]) -> None:
    """Version 1, promoted: the points of these documents carry these rules, and the catalog does not know."""
    before: dict[str, int] = {}

    def told(step: str) -> None:
        if step == "begin":
            before.update(indexed_under(harness, rules))
        if step == "build":
            with harness.catalog.write() as session:
                for key, rule in before.items():
                    of = col(Revision.document_id) == harness.row(key, session).id
                    session.execute(update(Revision).where(of).values(indexed_rule_id=rule))

    harness.ingest(source, after=told)
    harness.promote()


def said(finding: Finding) -> tuple[str, set[str], set[str]]:
    """Document, principals too many, principals missing."""
    return finding.document, set(finding.too_many), set(finding.missing)


def found(harness: Harness, reader: str) -> list[str]:
    return sorted(hit.document for hit in harness.retriever().search("text", principal=reader))


def test_an_index_that_carries_what_the_catalog_believes_is_sound(
    anywhere: Harness, source: MemorySource
) -> None:
    anywhere.ingest(source)
    source.put("c", "gamma text revised", "public")
    anywhere.ingest(source)
    source.allow("a", BOB)
    with anywhere.catalog.write() as session:
        apply_rules(session, "s", source.list(), defaults=Defaults(None), breaker=Breaker())
    purge(anywhere.catalog, "s/b", by="a test")
    assert audit(anywhere) == IndexAudit([2, 1], [], [])


def test_before_anything_is_ingested_there_is_nothing_to_look_at(anywhere: Harness) -> None:
    assert audit(anywhere) == IndexAudit()


def test_points_that_carry_another_rule_are_found_and_readers_go_by_the_document(
    anywhere: Harness, source: MemorySource
) -> None:
    """Ada's page is indexed as everybody's, Bob's as Eve's."""
    ingest_with_wrong_points(anywhere, source, {"s/a": EVERYBODY, "s/b": AccessRule.of([EVE])})
    retriever = anywhere.retriever()
    assert [hit.document for hit in retriever.search("beta", principal=BOB, mode="sparse")] == []
    first, second = audit(anywhere).findings
    assert said(first) == ("s/a", {"public"}, set())
    assert said(second) == ("s/b", {EVE}, {BOB})
    assert {(each.place, each.repaired, each.versions) for each in (first, second)} == {("index", True, (1,))}
    assert [hit.document for hit in retriever.search("beta", principal=BOB, mode="sparse")] == ["s/b"]
    assert [hit.document for hit in retriever.search("beta", principal=EVE, mode="sparse")] == []
    assert found(anywhere, ADA) == ["s/a", "s/c"]
    assert audit(anywhere) == IndexAudit([1])


def test_what_was_distrusted_stays_right_whatever_rule_comes_next(
    anywhere: Harness, source: MemorySource
) -> None:
    ingest_with_wrong_points(anywhere, source, {"s/a": AccessRule.of([EVE])})
    audit(anywhere)
    for reader in (EVE, BOB, ADA):
        source.allow("a", reader)
        with anywhere.catalog.write() as session:
            apply_rules(session, "s", source.list(), defaults=Defaults(None), breaker=Breaker())
        assert [who for who in (ADA, BOB, EVE) if "s/a" in found(anywhere, who)] == [reader]
    source.put("c", "gamma text revised", "public")
    anywhere.ingest(source)
    anywhere.promote()
    assert [who for who in (ADA, BOB, EVE) if "s/a" in found(anywhere, who)] == [ADA]
    assert audit(anywhere) == IndexAudit([2, 1])
    source.put("a", "alpha text revised", ADA)
    anywhere.ingest(source)
    anywhere.promote()
    assert [who for who in (ADA, BOB, EVE) if "s/a" in found(anywhere, who)] == [ADA]
    assert audit(anywhere) == IndexAudit([3, 2, 1])


def test_a_reader_that_is_open_scores_as_one_that_is_opened_afterwards(
    anywhere: Harness, source: MemorySource
) -> None:
    for number in range(8):
        source.put(f"more {number}", f"text of number {number}", "public")
    ingest_with_wrong_points(anywhere, source, {"s/c": AccessRule.of([EVE])})
    retriever = anywhere.retriever()
    retriever.search("gamma text", principal=ADA, mode="sparse")
    audit(anywhere)

    def scores(each: object) -> list[tuple[str, float]]:
        hits = each.search("gamma text", principal=ADA, mode="sparse", limit=20)  # type: ignore[attr-defined]
        return [(hit.document, hit.score) for hit in hits]

    assert scores(retriever) == scores(anywhere.retriever())
    assert scores(retriever)[0][0] == "s/c"


def test_a_catalog_that_was_told_wrongly_what_points_carry_is_found(
    anywhere: Harness, source: MemorySource
) -> None:
    """The points of Ada's page carry her rule; the catalog says that they carry Eve's, which is in force by it."""
    anywhere.ingest(source)
    anywhere.promote()
    indexed_under(anywhere, {"s/a": AccessRule.of([EVE])})
    (finding,) = audit(anywhere).findings
    assert said(finding) == ("s/a", {ADA}, {EVE})
    assert finding.repaired
    assert found(anywhere, ADA) == ["s/a", "s/c"]
    assert found(anywhere, EVE) == ["s/c"]


def points_of(harness: Harness, version: int) -> dict[int, IndexPoint]:
    assert isinstance(harness.store, MemoryStore)
    return harness.store.versions[version]


def test_what_a_version_lacks_is_missing_for_all_who_may_read_it(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    points = points_of(harness, 1)
    del points[next(id for id, point in points.items() if point.keys["document"] == "s/a")]
    done = audit(harness)
    (finding,) = done.findings
    assert said(finding) == ("s/a", set(), {ADA})
    assert not finding.repaired
    assert "lockgate ingest --rebuild" in finding.done
    assert [type(each) for each in done.failed] == [IndexCorruptError]
    assert "version 1 lacks 1 of the documents" in str(done.failed[0])


def test_points_of_a_document_that_a_version_does_not_hold_are_an_over_grant(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    stray = next(point for point in points_of(harness, 1).values() if point.keys["document"] == "s/a")
    source.remove("a")
    source.put("c", "gamma text revised", "public")
    harness.ingest(source)
    points_of(harness, 2)[stray.id] = stray
    (finding,) = audit(harness).findings
    assert said(finding) == ("s/a", {ADA}, set())
    assert (finding.versions, finding.repaired) == ((2,), False)


def test_points_under_a_rule_that_nobody_knows_are_found_by_nobody_until_it_is_repaired(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    harness.promote()
    points = points_of(harness, 1)
    for id, point in points.items():
        points[id] = IndexPoint(id, point.dense, point.sparse, 4711, point.document, point.keys)
    assert found(harness, ADA) == []
    assert [each.repaired for each in audit(harness).findings] == [True, True, True]
    assert found(harness, ADA) == ["s/a", "s/c"]


def test_a_version_that_cannot_be_opened_is_told_and_the_others_are_looked_at(
    anywhere: Harness, source: MemorySource
) -> None:
    anywhere.ingest(source)
    source.put("c", "gamma text revised", "public")
    anywhere.ingest(source)
    anywhere.store.drop(1)
    done = audit(anywhere)
    assert (done.versions, done.findings) == ([2], [])
    assert [type(each) for each in done.failed] == [IndexMissingError]


def test_nothing_to_distrust_changes_nothing(tmp_path: Path, source: MemorySource) -> None:
    with Harness(tmp_path) as harness:
        harness.ingest(source)
        before = harness.portrait()
        with harness.catalog.write() as session:
            distrust_points(session, [])
        assert harness.portrait() == before


@pytest.mark.parametrize("seen", [ADA, BOB])
def test_a_version_that_is_rebuilt_after_a_repair_is_right(
    harness: Harness, source: MemorySource, seen: str
) -> None:
    ingest_with_wrong_points(harness, source, {"s/a": EVERYBODY})
    audit(harness)
    source.put("c", "gamma text revised", "public")
    for step in range(2):
        harness.ingest(source)
        harness.build(from_scratch=True)
        harness.promote()
        assert (seen == ADA) == ("s/a" in found(harness, seen)), step
        assert audit(harness).findings == []
