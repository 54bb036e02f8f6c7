"""What the sequences of ``test_history_machine`` would find, were it broken."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RULE_MARKER, run_state_machine_as_test
from sqlalchemy import select, update
from sqlmodel import Session, col

import rag.index.server_query
import rag.ingestion.build
import rag.releases.releases
import tests.support.both
import tests.support.harness
from rag.catalog import Catalog, raise_access_epoch, utcnow
from rag.catalog.revisions import alive_at
from rag.catalog.tables import Document, DocumentState, Revision, Version, VersionState
from rag.index import ScoredId
from rag.retrieval import Retriever, reads
from rag.retrieval.retriever import _Answer, _Question
from tests.rag.test_history_machine import InMemory, OnAServer, OnEdge, quickly
from tests.support.machine import Machine

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


def found(machine: type[Machine], sequences: int) -> str:
    """What a bounded number of sequences finds: the first words of it."""
    first = settings(quickly(sequences), phases=[Phase.generate])
    with pytest.raises(AssertionError) as failure:
        run_state_machine_as_test(machine, settings=first)
    return str(failure.value)


def only(machine: type[Machine], *names: str) -> type[Machine]:
    """The machine with these rules alone: it finds the same, and sooner."""
    rules = [name for name, value in vars(Machine).items() if hasattr(value, RULE_MARKER)]
    return type(machine.__name__, (machine,), {name: None for name in rules if name not in names})


def test_hits_that_the_catalog_does_not_judge_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(self: Retriever, found: Sequence[ScoredId], question: _Question, version: int) -> _Answer:
        with self._catalog.look() as connection:
            rows = reads.passages(connection, version, [each.id for each in found])
        known = [(each.score, rows[each.id]) for each in found if each.id in rows]
        return _Answer(version, 0, known[: question.limit])

    monkeypatch.setattr(Retriever, "_judge", judge)
    assert re.search(
        r"searches version \d+ \(\w+\) while .*, and gets ",
        found(only(InMemory, "run", "search_meanwhile"), 100),
    )


def test_passages_that_stay_when_they_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def never_ended(version: int, *conditions: Any) -> Any:
        return rag.index.server_query.having(rag.index.server_query.at_most("since", version), *conditions)

    monkeypatch.setattr(rag.index.server_query, "in_version", never_ended)
    assert re.search(r"searches version \d+ \(\w+\), and gets ", found(only(OnAServer, "run", "ingest"), 30))


def test_a_rollback_that_brings_back_what_was_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rag.releases.releases.roll_back

    def as_it_was(session: Session, *, to: int | None = None) -> tuple[int, int]:
        moved = real(session, to=to)
        then = select(col(Revision.document_id), col(Revision.indexed_rule_id)).where(alive_at(moved[1]))
        for document, rule in session.execute(then).all():
            session.execute(
                update(Document)
                .where(
                    col(Document.id) == document,
                    col(Document.rule_id).is_(None),
                    col(Document.state) == DocumentState.DELETED,
                )
                .values(rule_id=rule)
            )
        raise_access_epoch(session)
        return moved

    monkeypatch.setattr(tests.support.both, "roll_back", as_it_was)
    assert re.search(
        r"searches version \d+ \(\w+\), and gets ", found(only(InMemory, "run", "roll_back"), 100)
    )


def test_a_purge_that_leaves_the_text_for_a_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rag.releases.releases.roll_back

    def hidden(session: Session, document: Document, **_: object) -> None:
        document.rule_id = None

    def as_it_was(session: Session, *, to: int | None = None) -> tuple[int, int]:
        moved = real(session, to=to)
        then = select(col(Revision.document_id), col(Revision.indexed_rule_id)).where(alive_at(moved[1]))
        for document, rule in session.execute(then).all():
            purged = (col(Document.id) == document) & (col(Document.state) == DocumentState.PURGED)
            session.execute(update(Document).where(purged).values(rule_id=rule, state=DocumentState.ACTIVE))
        raise_access_epoch(session)
        return moved

    monkeypatch.setattr(sys.modules["rag.maintenance.purge"], "bury", hidden)
    monkeypatch.setattr(tests.support.both, "roll_back", as_it_was)
    assert re.search(
        r"searches version \d+ \(\w+\), and gets ", found(only(InMemory, "run", "roll_back", "purge"), 100)
    )


@pytest.mark.parametrize("machine", [InMemory, OnEdge])
def test_a_version_that_is_recorded_before_it_is_sealed(
    machine: type[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rag.ingestion.build.build_version

    def recorded_first(catalog: Catalog, version: int, **rest: Any) -> None:
        with catalog.write() as session:
            row = session.get_one(Version, version)
            row.state, row.sealed_at = VersionState.CANDIDATE, utcnow()
        real(catalog, version, **rest)

    monkeypatch.setattr(tests.support.harness, "build_version", recorded_first)
    said = found(only(machine, "run", "ingest_that_crashes_late"), 20)
    # Whichever comes first: the catalog's word of what is sealed, or a later version that holds what never was.
    assert "are said to be sealed" in said or "and gets" in said, said


def test_a_number_that_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_gap(session: Session, later: object) -> None:
        return

    for module in ("rag.maintenance.restore", "rag.maintenance.replay"):
        monkeypatch.setattr(sys.modules[module], "skip_versions", no_gap)
    assert re.search(r"version \d+ after version \d+", found(only(InMemory, "run", "back_up", "restore"), 50))
