"""Purging takes effect at once, for everybody, on every version; and nothing but a person undoes it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from rag.catalog import access_epoch
from rag.catalog.tables import ChunkRow, Document, DocumentState, Revision
from rag.errors import UnknownDocumentError, UsageError
from rag.maintenance import finish_erasures, purge, undo_purge
from rag.releases import roll_back
from tests.rag.maintenance.looking import assert_counts_agree, entries, pending
from tests.support.harness import ADA, BOB, Harness
from tests.support.parser import BROKEN
from tests.support.source import MemorySource


def two_versions(harness: Harness, source: MemorySource) -> None:
    """Version 1 is promoted no longer, version 2 is; both hold ``a``."""
    harness.ingest(source)
    harness.promote()
    source.put("c", "gamma text revised", "public")
    harness.ingest(source)
    harness.promote()


def test_it_is_gone_at_once_from_every_version_for_readers_that_are_open(
    anywhere: Harness, source: MemorySource
) -> None:
    two_versions(anywhere, source)
    retriever = anywhere.retriever()
    for version in (1, 2):
        hits = retriever.search("alpha text", principal=ADA, version=version)
        assert "s/a" in [hit.document for hit in hits]
    assert purge(anywhere.catalog, "s/a", by="ops")
    for pinned in (1, 2, None):
        hits = retriever.search("alpha text", principal=ADA, version=pinned)
        assert [hit.document for hit in hits] == ["s/c"]
    assert anywhere.readable(BOB) == ["beta text", "gamma text revised"]


def test_only_its_name_is_left_of_it(harness: Harness, source: MemorySource) -> None:
    two_versions(harness, source)
    with harness.catalog.connect() as connection:
        before = access_epoch(connection)
    purge(harness.catalog, "s/a", by="ops")
    with harness.catalog.read() as session:
        row = harness.row("s/a", session)
        assert (row.state, row.rule_id, row.fingerprint, row.pipeline, row.uri) == (
            DocumentState.PURGED,
            None,
            "",
            "",
            None,
        )
        assert row.reason is not None
        assert row.reason.startswith("purged on 20")
        held = select(func.count()).select_from(Revision).where(col(Revision.document_id) == row.id)
        assert session.scalar(held) == 0
        texts = session.scalars(select(col(ChunkRow.text)).order_by(col(ChunkRow.text))).all()
        assert texts == ["beta text", "gamma text", "gamma text revised"]
        assert access_epoch(session.connection()) > before


def test_it_is_written_down_once(harness: Harness, source: MemorySource) -> None:
    two_versions(harness, source)
    assert purge(harness.catalog, "s/a", by="ops")
    assert not purge(harness.catalog, "s/a", by="somebody else")
    (entry,) = entries(harness, "purge")
    assert entry.details == {"document": "s/a", "by": "ops"}
    assert pending(harness) == 1


def test_a_name_that_nobody_knows_offers_the_nearest(harness: Harness, source: MemorySource) -> None:
    source.put("leave-policy.md", "text about leave", "public")
    harness.ingest(source)
    with pytest.raises(UnknownDocumentError, match=r"did you mean 's/leave-policy\.md'") as caught:
        purge(harness.catalog, "s/leave_policy.md", by=None)
    assert caught.value.exit_code == 2
    for unheard_of in ("t/leave-policy.md", "s/qqqqqqqqqqqqqqqqqqqq", "", "leave-policy.md"):
        with pytest.raises(UnknownDocumentError) as caught:
            purge(harness.catalog, unheard_of, by=None)
        assert "did you mean" not in caught.value.what
    assert entries(harness, "purge") == []


def test_what_its_source_deleted_is_purged_all_the_same(harness: Harness, source: MemorySource) -> None:
    two_versions(harness, source)
    source.remove("a")
    harness.ingest(source)
    assert harness.documents()["s/a"] == ("deleted", None)
    assert purge(harness.catalog, "s/a", by="ops")
    assert harness.documents()["s/a"][0] == "purged"
    assert harness.readable(ADA, 1) == ["gamma text"]


def test_what_was_kept_out_is_purged_all_the_same(harness: Harness, source: MemorySource) -> None:
    source.put("a", BROKEN, "public")
    harness.ingest(source)
    assert harness.documents()["s/a"] == ("quarantined", "it is broken")
    assert purge(harness.catalog, "s/a", by="ops")
    assert finish_erasures(harness.catalog, harness.store, harness.cache) == 1
    source.put("a", "whole again", "public")
    harness.ingest(source)
    assert harness.documents()["s/a"][0] == "purged"


def test_neither_an_ingest_nor_a_new_rule_nor_a_rollback_brings_it_back(
    harness: Harness, source: MemorySource
) -> None:
    two_versions(harness, source)
    purge(harness.catalog, "s/a", by="ops")
    source.put("a", "alpha text revised", "public")
    counts = harness.ingest(source)
    assert (counts.quarantined, counts.added, counts.changed, counts.access_changed) == (1, 0, 0, 0)
    assert harness.readable(ADA) == ["gamma text revised"]
    with harness.catalog.write() as session:
        assert roll_back(session) == (2, 1)
    assert harness.readable(ADA) == ["gamma text"]
    assert finish_erasures(harness.catalog, harness.store, harness.cache) == 1
    harness.ingest(source)
    assert harness.readable(ADA) == ["gamma text"]
    assert "alpha" not in str(harness.texts(1)) + str(harness.texts(2))


def test_undone_it_comes_back_with_the_next_ingest_as_new(anywhere: Harness, source: MemorySource) -> None:
    two_versions(anywhere, source)
    purge(anywhere.catalog, "s/a", by="ops")
    finish_erasures(anywhere.catalog, anywhere.store, anywhere.cache)
    undo_purge(anywhere.catalog, "s/a", by="ops")
    assert anywhere.documents()["s/a"] == ("deleted", None)
    assert anywhere.readable(ADA) == ["gamma text revised"]
    assert anywhere.ingest(source).added == 1
    anywhere.promote()
    assert anywhere.readable(ADA) == ["alpha text", "gamma text revised"]
    assert anywhere.readable(ADA, 1) == ["gamma text"]
    assert [entry.details for entry in entries(anywhere, "unpurge")] == [{"document": "s/a", "by": "ops"}]
    assert_counts_agree(anywhere)


def test_it_cannot_be_undone_before_it_is_erased(harness: Harness, source: MemorySource) -> None:
    two_versions(harness, source)
    purge(harness.catalog, "s/a", by="ops")
    with pytest.raises(UsageError, match="not erased"):
        undo_purge(harness.catalog, "s/a", by="ops")
    assert harness.documents()["s/a"][0] == "purged"
    assert entries(harness, "unpurge") == []


def test_what_is_not_purged_cannot_be_undone(harness: Harness, source: MemorySource) -> None:
    two_versions(harness, source)
    with pytest.raises(UsageError, match="s/a is not purged"):
        undo_purge(harness.catalog, "s/a", by="ops")
    with pytest.raises(UnknownDocumentError):
        undo_purge(harness.catalog, "s/zzz", by="ops")
    assert entries(harness, "unpurge") == []


def test_two_documents_of_one_text_are_two_documents(harness: Harness) -> None:
    source = MemorySource()
    source.put("a", "the same text", "public", title="t")
    source.put("b", "the same text", "public", title="t")
    harness.ingest(source)
    harness.promote()
    purge(harness.catalog, "s/a", by="ops")
    assert harness.readable(ADA) == ["the same text"]
    finish_erasures(harness.catalog, harness.store, harness.cache)
    assert harness.readable(ADA) == ["the same text"]
    with harness.catalog.read() as session:
        assert session.scalars(select(col(Document.key)).where(col(Document.state) == "purged")).all() == [
            "s/a"
        ]
    assert_counts_agree(harness)
