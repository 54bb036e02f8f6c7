"""What the catalog says of a sample of documents, against what their source says now."""

from __future__ import annotations

import json
from random import Random

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from rag.access import EVERYBODY, NOBODY, AccessRule
from rag.catalog import rule_id
from rag.catalog.tables import Document
from rag.errors import AccessLostError, DeletionsHeldError, SourceEmptiedError, SourceVanishedError
from rag.ingestion import Breaker, Defaults, apply_rules
from rag.maintenance import RulesAudit, audit_rules, purge
from tests.rag.maintenance.looking import entries
from tests.support.harness import ADA, BOB, EVE, Harness
from tests.support.source import MemorySource


def audit(
    harness: Harness,
    source: MemorySource,
    *,
    size: int = 200,
    seed: int = 0,
    default: AccessRule | None = EVERYBODY,
    breaker: Breaker | None = None,
) -> RulesAudit:
    with harness.catalog.write() as session:
        return audit_rules(
            session,
            "s",
            source.list(),
            defaults=Defaults(default),
            breaker=breaker or Breaker(),
            size=size,
            chance=Random(seed),
        )


def widen(harness: Harness, key: str, rule: AccessRule = EVERYBODY) -> None:
    """Puts a document under another rule as no flow of ours would: nothing notes it, no reader is told."""
    with harness.catalog.write() as session:
        session.execute(
            update(Document).where(col(Document.key) == key).values(rule_id=rule_id(session, rule))
        )


def forge(harness: Harness, old: AccessRule, new: AccessRule) -> None:
    """Changes a rule's row in its place."""
    with harness.catalog.write() as session:
        session.connection().execute(
            text("UPDATE access_rule SET allow = :allow, deny = :deny WHERE digest = :digest"),
            {
                "allow": json.dumps(sorted(new.allow)),
                "deny": json.dumps(sorted(new.deny)),
                "digest": old.digest,
            },
        )


def found(audit: RulesAudit) -> dict[str, tuple[set[str], set[str]]]:
    """``{document: (too many, missing)}``"""
    return {each.document: (set(each.too_many), set(each.missing)) for each in audit.findings}


@pytest.fixture
def promoted(harness: Harness, source: MemorySource) -> Harness:
    harness.ingest(source)
    harness.promote()
    return harness


def test_where_catalog_and_source_agree_nothing_is_found_and_nothing_is_written(
    promoted: Harness, source: MemorySource
) -> None:
    before = promoted.portrait(), len(entries(promoted, "access"))
    done = audit(promoted, source)
    assert (done.population, done.sampled, done.findings, done.gone, done.new) == (3, 3, [], [], 0)
    assert (done.applied.changed, done.held, done.closed) == (0, [], [])
    assert (promoted.portrait(), len(entries(promoted, "access"))) == before


def test_a_rule_that_was_widened_in_the_catalog_is_found_and_repaired_for_readers_that_are_open(
    promoted: Harness, source: MemorySource
) -> None:
    widen(promoted, "s/a")
    retriever = promoted.retriever()
    assert "s/a" in [hit.document for hit in retriever.search("alpha text", principal=EVE)]
    done = audit(promoted, source)
    assert found(done) == {"s/a": ({"public"}, set())}
    (finding,) = done.findings
    assert (finding.place, finding.repaired) == ("catalog", True)
    assert done.applied.changed == 1
    assert "s/a" not in [hit.document for hit in retriever.search("alpha text", principal=EVE)]
    assert "s/a" in [hit.document for hit in retriever.search("alpha text", principal=ADA)]
    last = entries(promoted, "access")[-1]
    assert (last.kind, last.details) == ("access", {"documents": {"s/a": AccessRule.of([ADA]).digest}})
    assert audit(promoted, source).findings == []


def test_one_document_can_have_one_principal_too_many_and_another_missing(
    promoted: Harness, source: MemorySource
) -> None:
    source.allow("a", BOB)
    source.put("b", "beta text", BOB, EVE)
    source.allow("c", "public", deny=(EVE,))
    done = audit(promoted, source)
    assert found(done) == {"s/a": ({ADA}, {BOB}), "s/b": (set(), {EVE}), "s/c": ({EVE}, set())}
    assert [each.repaired for each in done.findings] == [True, True, True]
    assert audit(promoted, source).findings == []


def test_the_sample_is_as_large_as_asked_for_and_the_same_for_the_same_seed(
    harness: Harness, source: MemorySource
) -> None:
    for number in range(20):
        source.put(f"page {number}", "text", ADA)
    harness.ingest(source)
    first, again = audit(harness, source, size=5, seed=1), audit(harness, source, size=5, seed=1)
    assert (first.population, first.sampled, len(first.looked_at)) == (23, 5, 5)
    assert first.looked_at == again.looked_at
    assert first.looked_at != audit(harness, source, size=5, seed=2).looked_at


def test_what_one_document_of_the_sample_shows_is_repaired_in_the_whole_source(
    promoted: Harness, source: MemorySource
) -> None:
    for id in "abc":
        source.allow(id, EVE)
    done = audit(promoted, source, size=1)
    assert len(done.findings) == 1
    assert done.applied.changed == 3
    assert len(promoted.readable(EVE)) == 3


def test_what_is_new_at_the_source_or_gone_from_it_is_counted_apart(
    promoted: Harness, source: MemorySource
) -> None:
    source.put("d", "delta text", ADA)
    source.remove("a")
    done = audit(promoted, source)
    assert (done.population, done.sampled, done.new, done.gone) == (4, 4, 1, ["s/a"])
    assert (done.findings, done.applied.changed) == ([], 0)
    promoted.ingest(source)
    assert audit(promoted, source).gone == ["s/a"]  # until a version without it is promoted
    promoted.promote()
    done = audit(promoted, source)
    assert (done.gone, done.population) == ([], 3)


def test_what_is_purged_is_nobodys_and_no_part_of_the_audit(promoted: Harness, source: MemorySource) -> None:
    purge(promoted.catalog, "s/a", by="a test")
    done = audit(promoted, source)
    assert (done.population, done.findings, done.new) == (2, [], 0)


def test_a_document_with_a_problem_at_its_source_is_nobodys(promoted: Harness, source: MemorySource) -> None:
    source.pages["a"].problem = "its access file cannot be read"
    assert found(audit(promoted, source)) == {"s/a": ({ADA}, set())}
    assert "alpha text" not in promoted.readable(ADA)


def test_rules_that_let_nobody_in_are_all_the_same(promoted: Harness, source: MemorySource) -> None:
    source.pages["a"].access = NOBODY
    assert found(audit(promoted, source)) == {"s/a": ({ADA}, set())}
    source.allow("a")
    assert audit(promoted, source, default=None).findings == []


def test_an_empty_catalog_has_only_what_is_new(harness: Harness, source: MemorySource) -> None:
    done = audit(harness, source)
    assert (done.population, done.sampled, done.new, done.looked_at) == (3, 3, 3, {})
    nothing = audit(harness, MemorySource())
    assert (nothing.population, nothing.sampled, nothing.held) == (0, 0, [])


def test_a_source_that_suddenly_lists_nothing_is_an_incident(promoted: Harness) -> None:
    done = audit(promoted, MemorySource())
    assert [type(each) for each in done.held] == [SourceEmptiedError]
    assert (done.gone, done.findings) == (["s/a", "s/b", "s/c"], [])
    assert promoted.readable(ADA) == ["alpha text", "gamma text"]


def test_a_source_that_cannot_be_listed_changes_nothing(promoted: Harness, source: MemorySource) -> None:
    widen(promoted, "s/a")
    source.vanished = True
    before = len(entries(promoted, "access"))
    with pytest.raises(SourceVanishedError):
        audit(promoted, source)
    assert len(entries(promoted, "access")) == before


def test_what_the_breaker_holds_is_told_and_left_and_the_rest_is_repaired(
    promoted: Harness, source: MemorySource
) -> None:
    source.allow("a")
    source.allow("b", EVE)
    done = audit(promoted, source)
    assert [type(each) for each in done.held] == [AccessLostError]
    assert found(done) == {"s/a": (set(), {"public"}), "s/b": ({BOB}, {EVE})}
    assert {each.document: each.repaired for each in done.findings} == {"s/a": False, "s/b": True}
    assert "no more who may read it" in next(each.done for each in done.findings if not each.repaired)
    assert promoted.readable(EVE) == ["beta text", "gamma text"]


def test_an_over_grant_of_a_document_without_its_own_rule_is_no_matter_for_the_breaker(
    promoted: Harness, source: MemorySource
) -> None:
    """It comes under the source's default, which lets in fewer: nothing falls open."""
    for id in "abc":
        source.allow(id)
    audit(promoted, source, default=AccessRule.of([ADA]), breaker=Breaker(accepted_unruled=9))
    widen(promoted, "s/b")
    done = audit(promoted, source, default=AccessRule.of([ADA]))
    assert (done.held, found(done)) == ([], {"s/b": ({"public"}, set())})
    assert promoted.readable(EVE) == []


@pytest.mark.parametrize("wide", [EVERYBODY, AccessRule.of([ADA, EVE])])
def test_a_rule_that_was_changed_in_its_row_is_found_and_the_right_one_gets_another(
    promoted: Harness, source: MemorySource, wide: AccessRule
) -> None:
    forge(promoted, AccessRule.of([ADA]), wide)
    retriever = promoted.retriever()
    assert "s/a" in [hit.document for hit in retriever.search("alpha text", principal=EVE)]
    done = audit(promoted, source)
    assert found(done) == {"s/a": (set(wide.allow - {ADA}), set())}
    assert "s/a" not in [hit.document for hit in retriever.search("alpha text", principal=EVE)]
    assert "s/a" in [hit.document for hit in retriever.search("alpha text", principal=ADA)]
    assert audit(promoted, source).findings == []
    with promoted.catalog.write() as session:
        assert apply_rules(
            session, "s", source.list(), defaults=Defaults(EVERYBODY), breaker=Breaker()
        ).changed == (0)


def test_a_changed_row_is_repaired_though_no_document_under_it_is_in_the_sample(
    promoted: Harness, source: MemorySource
) -> None:
    for seed in range(20):
        done = audit(promoted, source, size=1, seed=seed)
        if list(done.looked_at.values()) != ["s/a"]:
            break
    forge(promoted, AccessRule.of([ADA]), EVERYBODY)
    done = audit(promoted, source, size=1, seed=seed)
    assert (done.findings, done.applied.changed) == ([], 1)
    assert promoted.readable(EVE) == ["gamma text"]


def test_under_a_changed_row_nothing_stays_that_its_source_does_not_speak_of(
    promoted: Harness, source: MemorySource
) -> None:
    """``a`` is not listed any more, and ``b`` would fall open: both are closed."""
    forge(promoted, AccessRule.of([ADA]), EVERYBODY)
    forge(promoted, AccessRule.of([BOB]), AccessRule.of([EVE]))
    source.remove("a")
    source.allow("b")
    done = audit(promoted, source)
    assert done.closed == ["s/a", "s/b"]
    assert [type(each) for each in done.held] == [DeletionsHeldError, AccessLostError]
    assert promoted.readable(EVE) == promoted.readable(BOB) == ["gamma text"]
    again = audit(promoted, source)  # and it does not fall open afterwards
    assert AccessLostError in [type(each) for each in again.held]
    assert promoted.readable(EVE) == ["gamma text"]
    assert entries(promoted, "access")[-1].details == {
        "documents": {"s/a": NOBODY.digest, "s/b": NOBODY.digest}
    }


def test_the_ledger_names_no_principal(promoted: Harness, source: MemorySource) -> None:
    widen(promoted, "s/a")
    audit(promoted, source)
    (entry,) = entries(promoted, "access")
    assert "user:" not in json.dumps([entry.reasons, entry.details])
