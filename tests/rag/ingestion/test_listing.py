"""What an ingest makes of a listing: what is new, changed, gone, kept out or under another rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rag.catalog.tables import DocumentState
from rag.catalog.tables import Source as SourceRow
from rag.errors import (
    SourceEmptiedError,
    SourceEmptyError,
    SourceUnavailableError,
    SourceVanishedError,
)
from rag.ingestion.plan import NO_RULE
from tests.support.embedder import WordEmbedder
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.parser import BROKEN, ParagraphParser
from tests.support.source import MODIFIED_AT, MemorySource

pytestmark = pytest.mark.usefixtures("either_catalog")


def nonzero(counts: Any) -> dict[str, int]:
    return {name: number for name, number in counts.to_dict().items() if number}


def parsed(harness: Harness) -> list[str]:
    assert isinstance(harness.parser, ParagraphParser)
    return harness.parser.parsed


def embedded(harness: Harness) -> list[str]:
    assert isinstance(harness.embedder, WordEmbedder)
    return harness.embedder.embedded


def forget_calls(harness: Harness, source: MemorySource) -> None:
    parsed(harness).clear()
    source.fetched.clear()
    assert isinstance(harness.embedder, WordEmbedder)
    harness.embedder.calls.clear()


def calls(harness: Harness, source: MemorySource) -> tuple[list[str], list[str], list[str]]:
    """What was fetched, parsed and embedded since ``forget_calls``."""
    return source.fetched, parsed(harness), embedded(harness)


def test_the_first_ingest_adds_everything(harness: Harness, source: MemorySource) -> None:
    assert nonzero(harness.ingest(source)) == {"seen": 3, "added": 3}
    assert harness.versions() == {1: "candidate"}
    assert harness.texts(1) == {"s/a": ["alpha text"], "s/b": ["beta text"], "s/c": ["gamma text"]}
    assert harness.readable(ADA, 1) == ["alpha text", "gamma text"]
    assert harness.readable(BOB, 1) == ["beta text", "gamma text"]


def test_an_unchanged_document_is_neither_fetched_nor_parsed_nor_embedded_nor_written(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    before = harness.portrait()
    forget_calls(harness, source)
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 3}
    assert calls(harness, source) == ([], [], [])
    assert harness.portrait() == before
    assert harness.latest == 1


def test_one_changed_document_costs_itself_and_makes_a_version(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    forget_calls(harness, source)
    source.put("b", "better text", "user:bob")
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "changed": 1}
    assert calls(harness, source) == (["b"], ["b.txt"], ["b\nbetter text"])
    assert harness.versions() == {1: "retired", 2: "candidate"}
    assert harness.readable(BOB, 1) == ["beta text", "gamma text"]
    assert harness.readable(BOB, 2) == ["better text", "gamma text"]


def test_a_touched_document_with_the_same_content_is_fetched_and_no_more(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    forget_calls(harness, source)
    source.pages["a"].uri = "https://else.example/a"  # another fingerprint, the same bytes
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 3}
    assert calls(harness, source) == (["a"], [], [])
    assert harness.latest == 1
    hits = harness.retriever().search("alpha", principal=ADA, version=1)
    assert hits[0].uri == "https://else.example/a"


def test_another_title_is_another_content(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    source.pages["a"].title = "Alpha, revised"
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "changed": 1}
    hit = harness.retriever().search("alpha", principal=ADA, version=2)[0]
    assert (hit.title, hit.text) == ("Alpha, revised", "alpha text")


def test_only_the_changed_chunks_of_an_edited_document_are_embedded(
    harness: Harness, source: MemorySource
) -> None:
    first, second, third = ("one " * 25).strip(), ("two " * 25).strip(), ("three " * 25).strip()
    source.put("long", f"{first}\n\n{second}", "public")
    harness.ingest(source)
    assert harness.texts(1)["s/long"] == [first, second]
    forget_calls(harness, source)
    source.put("long", f"{first}\n\n{third}\n\n{second}", "public")
    harness.ingest(source)
    assert harness.texts(2)["s/long"] == [first, third, second]
    assert embedded(harness) == [f"long\n{third}"]


def test_content_that_reverts_is_not_embedded_again(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    source.put("a", "other text", "user:ada")
    harness.ingest(source)
    forget_calls(harness, source)
    source.put("a", "alpha text", "user:ada")
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "changed": 1}
    assert embedded(harness) == []
    assert [harness.readable(ADA, version) for version in (1, 2, 3)] == [
        ["alpha text", "gamma text"],
        ["gamma text", "other text"],
        ["alpha text", "gamma text"],
    ]


def test_a_deleted_document_leaves_with_the_next_version(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    source.remove("c")
    assert nonzero(harness.ingest(source)) == {"seen": 2, "unchanged": 2, "deleted": 1}
    assert harness.readable(ADA, 1) == ["alpha text", "gamma text"]
    assert harness.readable(ADA, 2) == ["alpha text"]
    assert harness.documents()["s/c"] == ("deleted", None)
    assert nonzero(harness.ingest(source)) == {"seen": 2, "unchanged": 2}
    assert harness.latest == 2


def test_a_deleted_document_that_comes_back_is_added(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    gone = source.pages.pop("c")
    harness.ingest(source)
    source.pages["c"] = gone
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "added": 1}
    assert harness.readable(EVE, 3) == ["gamma text"]
    assert harness.readable(EVE, 2) == []


def test_of_two_documents_with_the_same_content_one_can_be_deleted(
    harness: Harness, source: MemorySource
) -> None:
    """LlamaIndex 22706: with one hash for both, deleting one lost both, or kept both."""
    source.put("copy", "gamma text", "public")
    source.pages["c"].title = source.pages["copy"].title = "The same"
    harness.ingest(source)
    assert harness.readable(EVE, 1) == ["gamma text", "gamma text"]
    assert embedded(harness).count("The same\ngamma text") == 1
    source.remove("copy")
    harness.ingest(source)
    assert harness.readable(EVE, 2) == ["gamma text"]
    assert harness.texts(2)["s/c"] == ["gamma text"]
    source.remove("c")
    harness.ingest(source)
    assert harness.readable(EVE, 3) == []


def test_a_document_of_one_source_is_not_missed_in_another(harness: Harness, source: MemorySource) -> None:
    other = MemorySource()
    other.put("a", "delta text", "public")
    harness.ingest({"one": source, "two": other})
    assert set(harness.texts(1)) == {"one/a", "one/b", "one/c", "two/a"}
    assert nonzero(harness.ingest({"one": source})) == {"seen": 3, "unchanged": 3}
    assert harness.latest == 1


def test_a_changed_rule_counts_and_takes_effect_without_a_version(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    forget_calls(harness, source)
    source.allow("a", "user:bob")
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 3, "access_changed": 1}
    assert calls(harness, source) == ([], [], [])
    assert harness.latest == 1
    assert harness.readable(ADA, 1) == ["gamma text"]
    assert harness.readable(BOB, 1) == ["alpha text", "beta text", "gamma text"]


def test_a_document_without_a_rule_is_kept_out_under_default_deny_until_a_rule_appears(
    tmp_path: Path, source: MemorySource
) -> None:
    with Harness(tmp_path, default=None) as harness:
        source.put("bare", "delta text")
        assert nonzero(harness.ingest(source)) == {"seen": 4, "added": 3, "quarantined": 1}
        assert harness.documents()["s/bare"] == ("quarantined", NO_RULE)
        assert "bare" not in source.fetched
        assert nonzero(harness.ingest(source)) == {"seen": 4, "unchanged": 3, "quarantined": 1}
        assert harness.latest == 1
        source.allow("bare", "user:eve")
        counts = harness.ingest(source)
        assert (counts.added, counts.quarantined) == (1, 0)
        assert harness.documents()["s/bare"] == ("active", None)
        assert harness.readable(EVE, 2) == ["delta text", "gamma text"]
        assert harness.readable(ADA, 2) == ["alpha text", "gamma text"]


def test_a_rule_that_disappears_denies_at_once_and_takes_the_content_out_with_the_next_version(
    tmp_path: Path, source: MemorySource
) -> None:
    with Harness(tmp_path, default=None) as harness:
        harness.ingest(source)
        source.allow("c")
        assert nonzero(harness.ingest(source)) == {
            "seen": 3,
            "unchanged": 2,
            "quarantined": 1,
            "access_changed": 1,
        }
        assert harness.readable(EVE, 1) == []
        assert set(harness.texts(2)) == {"s/a", "s/b"}


def test_a_problem_in_the_listing_keeps_the_document_out_with_its_words(
    harness: Harness, source: MemorySource
) -> None:
    source.pages["a"].problem = ".access.yaml cannot be read"
    assert nonzero(harness.ingest(source)) == {"seen": 3, "added": 2, "quarantined": 1}
    assert harness.documents()["s/a"] == ("quarantined", ".access.yaml cannot be read")
    assert harness.readable(ADA, 1) == ["gamma text"]


def test_a_document_that_can_no_longer_be_parsed_leaves_with_the_next_version(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    source.put("a", f"{BROKEN} text", "user:ada")
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "quarantined": 1}
    assert harness.documents()["s/a"] == ("quarantined", "it is broken")
    assert harness.readable(ADA, 1) == ["alpha text", "gamma text"]
    assert harness.readable(ADA, 2) == ["gamma text"]
    forget_calls(harness, source)
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "quarantined": 1}
    assert calls(harness, source) == ([], [], [])
    source.put("a", "mended text", "user:ada")
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "added": 1}
    assert harness.readable(ADA, 3) == ["gamma text", "mended text"]


def test_a_document_without_text_is_kept_out_with_a_reason(harness: Harness, source: MemorySource) -> None:
    source.put("a", " \n\n ", "user:ada")
    harness.ingest(source)
    assert harness.documents()["s/a"] == ("quarantined", "no text was found in it")


def test_a_document_that_cannot_be_read_keeps_its_content_until_it_can(
    harness: Harness, source: MemorySource
) -> None:
    harness.ingest(source)
    source.put("a", "newer text", "user:ada")
    source.unreadable = {"a"}
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 3}
    assert harness.documents()["s/a"] == ("active", None)
    assert harness.readable(ADA, 1) == ["alpha text", "gamma text"]
    source.unreadable = set()
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "changed": 1}
    assert harness.readable(ADA, 2) == ["gamma text", "newer text"]


def test_a_new_document_that_cannot_be_read_is_kept_out_and_tried_again(
    harness: Harness, source: MemorySource
) -> None:
    source.unreadable = {"a"}
    assert nonzero(harness.ingest(source)) == {"seen": 3, "added": 2, "quarantined": 1}
    assert harness.documents()["s/a"] == ("quarantined", "it could not be read: permission denied")
    source.unreadable = set()
    assert harness.ingest(source).added == 1
    assert harness.readable(ADA, 2) == ["alpha text", "gamma text"]


def test_a_source_that_does_not_answer_is_retried_with_nothing_of_its_batch_written(
    harness: Harness, source: MemorySource
) -> None:
    source.unavailable = {"b"}
    with pytest.raises(SourceUnavailableError):
        harness.ingest(source)
    assert harness.documents() == {}
    source.unavailable = set()
    assert harness.ingest(source).added == 3


def test_a_source_that_never_held_anything_may_not_be_empty(harness: Harness, source: MemorySource) -> None:
    with pytest.raises(SourceEmptyError) as caught:
        harness.ingest(MemorySource())
    assert not isinstance(caught.value, SourceEmptiedError)
    assert caught.value.where == "s"
    assert harness.documents() == {}


def test_a_source_that_lists_nothing_any_more_deletes_nothing(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    before = harness.portrait()
    kept = dict(source.pages)
    source.pages.clear()
    with pytest.raises(SourceEmptiedError, match="3 of its documents") as caught:
        harness.ingest(source)
    assert caught.value.exit_code == 4
    assert harness.portrait() == before
    source.pages.update(kept)
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 3}


def test_a_source_that_is_gone_deletes_nothing(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    before = harness.portrait()
    source.vanished = True
    with pytest.raises(SourceVanishedError):
        harness.ingest(source)
    assert harness.portrait() == before


def test_a_purged_document_does_not_come_back_by_being_listed(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    with harness.catalog.write() as session:
        harness.row("s/c", session).state = DocumentState.PURGED
    source.put("c", "gamma text again", "public")
    source.fetched.clear()
    assert nonzero(harness.ingest(source)) == {"seen": 3, "unchanged": 2, "quarantined": 1}
    assert source.fetched == []
    assert harness.documents()["s/c"][0] == "purged"
    source.remove("c")
    harness.ingest(source)
    assert harness.documents()["s/c"][0] == "purged"


def test_a_listing_notes_when_it_was_taken(harness: Harness, source: MemorySource) -> None:
    harness.ingest(source)
    with harness.catalog.read() as session:
        row = session.get_one(SourceRow, "s")
    assert row.listed_at is not None
    assert row.incident is None
    hit = harness.retriever().search("alpha", principal=ADA, version=1)[0]
    assert hit.modified_at == MODIFIED_AT
